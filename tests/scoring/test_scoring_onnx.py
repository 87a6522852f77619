import importlib

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.scoring.conftest import make_matrix
from tests.scoring.model_makers import D, graph, logistic, sigmoid_graph, tree_graph

from daytwo.core.errors import DataError, Mistake
from daytwo.scoring.onnx import OnnxScorer

FLOAT, INT64, STRING, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL
# From log-odds `odds`, shape (n, 1): the probability, and both classes' side by side.
PROBABILITY = helper.make_node("Sigmoid", ["odds"], ["p"])
NEGATED = [helper.make_node("Neg", ["odds"], ["minus"]), helper.make_node("Sigmoid", ["minus"], ["q"])]
BOTH = [PROBABILITY, *NEGATED, helper.make_node("Concat", ["q", "p"], ["both"], axis=1)]
FLAT = helper.make_node("Squeeze", ["p", "one"], ["flat"])
NOT_FLAT = helper.make_node("Squeeze", ["q", "one"], ["not_flat"])
ONE = numpy_helper.from_array(np.array([1], dtype=np.int64), "one")
HALF = numpy_helper.from_array(np.array([0.5], dtype=np.float32), "half")
LABEL = [
    helper.make_node("Greater", ["flat", "half"], ["yes"]),
    helper.make_node("Cast", ["yes"], ["label"], to=INT64),
]


def out(name, kind=FLOAT, shape=("n", 1)):
    return helper.make_tensor_value_info(name, kind, shape)


def maps(names):
    """A ZipMap, as skl2onnx writes it: a sequence of maps from class to probability."""
    keys = {"classlabels_int64s": names} if isinstance(names[0], int) else {"classlabels_strings": names}
    node = helper.make_node("ZipMap", ["both"], ["output_probability"], domain="ai.onnx.ml", **keys)
    key = INT64 if isinstance(names[0], int) else STRING
    value = helper.make_tensor_type_proto(FLOAT, ())
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    return node, helper.make_value_info("output_probability", kind)


def forms():
    zipped, zip_out = maps([0, 1])
    named, name_out = maps(["no", "yes"])
    label = out("label", INT64, ("n",))
    yield "torch: one column", [PROBABILITY], [out("p")]
    yield "flat", [PROBABILITY, FLAT], [out("flat", shape=("n",))]
    yield "no shape told", [PROBABILITY, FLAT], [helper.make_tensor_value_info("flat", FLOAT, None)]
    yield "both classes", BOTH, [out("both", shape=("n", 2))]
    yield "label first, then both", [*BOTH, FLAT, *LABEL], [label, out("both", shape=("n", 2))]
    yield "label last", [*BOTH, FLAT, *LABEL], [out("both", shape=("n", 2)), label]
    yield "ZipMap", [*BOTH, FLAT, *LABEL, zipped], [label, zip_out]
    yield "ZipMap of names", [*BOTH, FLAT, *LABEL, named], [label, name_out]
    columns = [out("not_flat", shape=("n",)), out("flat", shape=("n",))]
    yield "a column a class", [*BOTH, FLAT, NOT_FLAT, *LABEL], [label, *columns]


@pytest.mark.parametrize(("nodes", "outputs"), [form[1:] for form in forms()], ids=[form[0] for form in forms()])
def test_the_probability_is_found_in_every_form_that_converters_write(nodes, outputs):
    scorer = OnnxScorer(graph(nodes, outputs, extra=(ONE, HALF)), D)
    rows = make_matrix(500, seed=8)
    assert np.abs(scorer.many(rows) - logistic(rows)).max() < 1e-6
    assert np.abs([scorer.one(row) for row in rows.tolist()] - logistic(rows)).max() < 1e-6


def test_an_input_is_fed_by_its_name_whatever_it_is():
    assert OnnxScorer(sigmoid_graph(name="float_input"), D).one([0.0] * D) == pytest.approx(
        logistic(np.zeros((1, D)))[0]
    )


def test_a_value_is_taken_as_it_is():
    scorer = OnnxScorer(tree_graph(), D)
    assert scorer.many(np.array([[0.5] * D, [0.6] * D])).tolist() == [1.0, 2.0]


three = helper.make_node("Concat", ["q", "p", "p"], ["three"], axis=1)
REFUSED = {
    "two inputs": (sigmoid_graph(more_inputs=[out("other")]), "takes 2 inputs: rows, other"),
    "text": (
        helper.make_model(
            helper.make_graph(
                [helper.make_node("Identity", ["rows"], ["out"])],
                "text",
                [out("rows", STRING, ("n", D))],
                [out("out", STRING, ("n", D))],
            ),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=9,
        ).SerializeToString(),
        r"'rows' is tensor\(string\)",
    ),
    "one row at a time": (sigmoid_graph(shape=(1, D)), "exactly 1 rows.*dynamic first axis"),
    "another width": (sigmoid_graph(shape=("n", D)), "trained on 6 features, the contract has 7"),
    "another width, not told": (sigmoid_graph(shape=("n", "d")), "cannot score rows"),
    "three classes": (graph([*BOTH, three], [out("three", shape=("n", 3))]), "plainly the score: three"),
    "label alone": (
        graph([PROBABILITY, FLAT, *LABEL], [out("label", INT64, ("n",))], extra=(ONE, HALF)),
        r"plainly the score: label tensor\(int64\)",
    ),
    "one score for all": (
        graph([PROBABILITY, helper.make_node("ReduceMean", ["p"], ["mean"], keepdims=0)], [out("mean", shape=())]),
        "plainly the score: mean",
    ),
}


@pytest.mark.parametrize("why", list(REFUSED))
def test_what_is_no_model_of_one_score_a_row_is_refused_in_words(why):
    content, told = REFUSED[why]
    with pytest.raises(DataError, match=told):
        OnnxScorer(content, D + 1 if why.startswith("another width") else D)


def test_one_thread_is_used_unless_more_are_given():
    for threads in (1, 2):
        options = OnnxScorer(sigmoid_graph(), D, threads=threads)._session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(Mistake, match=r"pip install 'daytwo\[onnx\]'"):
        OnnxScorer(sigmoid_graph(), D)
