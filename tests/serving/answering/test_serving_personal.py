"""Personal columns: whatever is sent to whatever address, nothing that stands on the disk afterwards tells a value.

A real server answers random requests; then everything it has left is looked through, byte by byte, and so are the
tables that are made of it.
"""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.conftest import raw, settled, shipped, trip, trips_contract

from daytwo.contracts.personal import check_personal
from daytwo.core.errors import Conflict, SettingsError
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.predictions.record import BreachRecord
from daytwo.registry.bundle import BundleStore
from daytwo.serving.answering.personal import hidden
from daytwo.serving.answering.requests import read_predict
from daytwo.serving.client import Client
from daytwo.tables.delta import DeltaTables

KEY = "a key of many characters"
HIDDEN = Pseudonyms(["key", "tail"], KEY)
JSON = {"content_type": "application/json"}
# What every personal value of these tests begins with, so that any trace of one is found, escaped or cut.
MARK = "Zq7x"
personal = st.builds(
    lambda text: MARK + text, st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=4, max_size=30)
)
SPELLINGS = st.sampled_from(["key", "tail", "Key", "TAIL", " key", "ke-y"])


@st.composite
def rows(draw):
    """A row, good or bad, that holds personal values in many places."""
    row = trip(draw(st.integers(0, 999)))
    row["tail"] = draw(personal | st.none())
    row["key"] = draw(personal | st.lists(personal, max_size=2) | st.dictionaries(st.just("first"), personal))
    row[draw(SPELLINGS)] = draw(personal)
    if draw(st.booleans()):
        row["wind"] = (
            draw(st.sampled_from([None, -1, "36 dm/s", True])) if draw(st.booleans()) else {"Tail": row["tail"]}
        )
    if draw(st.booleans()):
        row["nobody knows this"] = draw(st.integers() | st.booleans())
    return row


@st.composite
def bodies(draw):
    """A body of POST /predict, some of which are no requests at all."""
    text = json.dumps(draw(st.lists(rows(), min_size=1, max_size=4)), ensure_ascii=draw(st.booleans()))
    form = draw(st.sampled_from(["list", "rows", "one", "twice", "no row", "huge", "cut"]))
    value = json.dumps(draw(personal))
    match form:
        case "rows":
            return f'{{"rows": {text}, "request_id": "r{draw(st.integers(0, 5))}"}}'
        case "one":
            return json.dumps(draw(rows()))
        case "twice":
            return f'[{{"key": {value}, "key": {value}, "tail": {value}}}]'
        case "no row":
            return f"[{value}, [{value}], 5, null]"
        case "huge":
            return f'[{{"key": {value}, "wind": 1e999}}]'
        case "cut":
            return text[:-3]
    return text


class Kept:
    """A server with personal columns, and its client."""

    def __init__(self, place):
        (place.folder / "pseudonym.key").write_text(KEY)
        self.place, self.options = (
            place,
            {
                "personal": ["key", "tail"],
                "pseudonym_key": f"file:{place.folder / 'pseudonym.key'}",
            },
        )
        self.start()

    def start(self):
        self.process, port = self.place.start(**self.options)
        self.client = Client("127.0.0.1", port, patience_s=5)

    def end(self):
        self.client.close()
        self.process.terminate()
        assert self.process.wait(20) == 0, self.place.log()


@pytest.fixture(scope="module")
def kept(tmp_path_factory, champion_files):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "bundles").symlink_to(champion_files)
    with settled(folder, BundleStore(champion_files).list()[0]) as place:
        made = Kept(place)
        yield made
        made.client.close()


@settings(max_examples=120, deadline=None)
@given(bodies())
def test_random_requests_are_answered(kept, body):
    status, answer, _ = raw(kept.client, "POST", "/predict", body.encode(errors="surrogatepass"), **JSON)
    assert status < 500
    if status == 200:
        assert MARK.encode() not in answer


@settings(max_examples=30, deadline=None)
@given(rows(), personal)
def test_other_addresses_are_answered(kept, row, name):
    client = kept.client
    split = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    columns = [
        {"name": one, "shape": [1], "datatype": "BYTES", "data": [value]}
        for one, value in row.items()
        if isinstance(value, str)
    ]
    for path, body in (
        ("/invocations", split),
        ("/invocations", {"dataframe_records": [row]}),
        ("/v2/models/trips/infer", {"inputs": columns}),
        ("/labels", {"labels": [{"key": name, "label": 1}]}),
        ("/labels", {"labels": [{"key": name, "label": 77}], "request_id": "l"}),
        ("/labels", {"labels": [{"key": name, "label": 1, name: 2}]}),
    ):
        assert raw(client, "POST", path, json.dumps(body).encode(), **JSON)[0] < 500
    text = ",".join(row) + "\n" + ",".join(json.dumps(value) for value in row.values()) + "\n"
    assert raw(client, "POST", "/invocations", text.encode(), content_type="text/csv")[0] < 500
    raw(client, "GET", f"/predictions/{MARK}")


def test_after_all_that_no_file_and_no_table_tells_a_value(kept):
    kept.end()
    tables = DeltaTables(kept.place.folder / "tables")
    shipped(kept.place, tables)
    looked = [path for path in kept.place.folder.rglob("*") if path.is_file() and "bundles" not in path.parts]
    assert len(looked) > 5
    assert [path for path in looked if MARK.encode() in path.read_bytes()] == []
    for table in ("predictions", "quarantine", "labels"):  # Parquet is packed: only read does it tell
        text = tables.read(table).write_ndjson()
        assert len(text) > 1000
        assert MARK not in text
    assert '"event":"broken"' not in kept.place.log()
    kept.start()


def test_keys_labels_and_subjects_still_join(kept):
    client = kept.client
    (one,) = client.predict([trip(7, key="ana@example.org", tail="N7")])["predictions"]
    client.labels([{"key": "ana@example.org", "label": 1}])
    client.rotate()
    tables = shipped(kept.place)
    assert one["key"] == HIDDEN.of("ana@example.org")
    assert one["arm"] == "champion"
    row = tables.read("predictions").row(-1, named=True)
    assert (row["_key"], row["_subject"]) == (HIDDEN.of("ana@example.org"), HIDDEN.of("N7"))
    assert tables.read("labels")["_key"].to_list() == [HIDDEN.of("ana@example.org")]
    assert client.prediction(one["prediction_id"])["row"]["key"] == one["key"]


def test_the_same_request_again_is_known_also_after_a_restart(kept):
    rows = [trip(1, key="ana"), trip(2, key="ben", wind="no number")]
    first = kept.client.predict(rows, request_id="again")
    kept.client.labels([{"key": "ana", "label": 1}], request_id="again")
    kept.end()
    kept.start()
    assert kept.client.predict(rows, request_id="again") == first
    assert kept.client.labels([{"key": "ana", "label": 1}], request_id="again") == 1
    with pytest.raises(Conflict):
        kept.client.predict([trip(1, key="eve"), rows[1]], request_id="again")
    with pytest.raises(Conflict):
        kept.client.labels([{"key": "eve", "label": 1}], request_id="again")


def test_rows_that_were_kept_aside_may_come_again(kept):
    """What lies in quarantine holds pseudonyms: sent once more, they stay what they are."""
    key = HIDDEN.of("ana")
    (one,) = kept.client.predict([trip(1, key=key)])["predictions"]
    assert one["key"] == key


def test_a_row_that_is_none_is_kept_as_one_pseudonym():
    body = b'["Ana", ["Ana"], {"key": "Ana", "wind": 1e999}, {"key": "a", "key": "b"}, {"key": "Ana", "wind": 2}]'
    made = hidden(read_predict(body, 10), HIDDEN)
    kept = msgspec.json.decode(made.text)
    assert kept[:3] == [HIDDEN.of(text) for text in ('"Ana"', '["Ana"]', '{"key": "Ana", "wind": 1e999}')]
    assert kept[3:] == [{"key": HIDDEN.of("b")}, {"key": HIDDEN.of("Ana"), "wind": 2}]
    assert [isinstance(row, BreachRecord) for row in made.rows] == [True, True, True, True, False]


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
    )
)
def test_what_is_not_personal_is_kept_to_the_bit(row):
    body = msgspec.json.encode([row])
    read = read_predict(body, 10)
    if any(map(HIDDEN.hides, row)) or not isinstance(read.rows[0], dict):
        return
    made = hidden(read, HIDDEN)
    assert made.rows == read.rows
    assert read_predict(made.text, 10).rows == read.rows


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("wind", "kind 'number'"),
        ("night", "kind 'boolean'"),
        ("late", "which is the target"),
        ("at", "which is the time"),
    ],
)
def test_a_column_that_cannot_be_a_pseudonym_is_refused_by_name(column, words):
    with pytest.raises(SettingsError, match=f"{column}.*{words}"):
        check_personal(trips_contract(), [column])
    check_personal(trips_contract(), ["key", "tail", "carrier", "elsewhere"])
