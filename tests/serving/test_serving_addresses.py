from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.access.scopes import NEEDED, needed
from daytwo.serving.addresses import Address, address
from daytwo.serving.handlers import HANDLERS


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/models/m/predict", Address("/predict", "m")),
        ("/models/a%20b%2Fc/labels", Address("/labels", "a b/c")),
        ("/models/m/versions/abc123/predict", Address("/predict", "m", "abc123")),
        ("/models/m/versions/abc123/labels", Address("other")),
        ("/models/m/admin/rotate", Address("other")),
        ("/models/m/metrics", Address("other")),
        ("/models//predict/", Address("other")),
        ("/predictions/x-1/explanation", Address("/predictions")),
        ("/predictions/x-1/change", Address("/predictions")),
        ("/predictions/x/y", Address("other")),
        ("/v2/models/m/versions/abc/infer", Address("/v2/infer", "m")),
        ("/v2/models/m", Address("/v2", "m")),
        ("/v2/repository/index", Address("/v2")),
        ("/v2x", Address("other")),
        ("", Address("other")),
    ],
)
def test_a_path_names_an_address_a_model_and_a_version(path, asked):
    assert address(path) == asked


@given(st.text(alphabet=st.sampled_from("/abcmodelsvrin.2%1") | st.characters(), max_size=60))
def test_whatever_a_client_writes_only_our_names_are_counted_and_need_a_scope(path):
    asked = address(f"/{path}").path
    assert asked in {*HANDLERS, "/v2", "/v2/infer", "/predictions", "other"}
    assert asked in NEEDED


@pytest.mark.parametrize("part", ["predict", "labels", "feedback", "invocations", "openapi.json", "route"])
def test_a_model_s_address_needs_what_the_plain_one_needs(part):
    assert needed(address(f"/models/m/{part}").path) == needed(f"/{part}")
