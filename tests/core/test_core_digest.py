"""Digests: SHA-256 by hashlib, and one text for equal JSON values."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.digest import canonical_json, digest_bytes, digest_file, digest_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_known_answers():
    # FIPS 180-4: the empty message, and "abc".
    assert digest_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_larger_than_a_piece_has_the_digest_of_its_bytes(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert digest_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@given(JSON)
def test_canonical_json_is_json_and_reads_back_as_the_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), JSON, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_count(value, random):
    keys = list(value)
    random.shuffle(keys)
    assert digest_json({key: value[key] for key in keys}) == digest_json(value)


def test_other_values_have_other_digests():
    values = [None, 0, 0.5, "0", [], [0], {}, {"a": 0}, {"a": [0]}]
    assert len({digest_json(value) for value in values}) == len(values)
