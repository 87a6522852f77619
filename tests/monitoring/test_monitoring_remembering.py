"""What was learnt from a frame is kept while the frame is the same object and looks the same."""

import gc

import polars as pl

from daytwo.monitoring.remembering import remembered


def test_the_same_frame_is_learnt_from_once_and_a_changed_one_again():
    frame, learnt = pl.DataFrame({"a": [1]}), []

    def learn():
        learnt.append(len(learnt))
        return learnt[-1]

    assert [remembered(frame, "how", (1.0,), learn) for _ in range(3)] == [0, 0, 0]
    assert remembered(frame, "how", (2.0,), learn) == 1
    assert remembered(frame, "other", (2.0,), learn) == 2
    assert remembered(pl.DataFrame({"a": [1]}), "how", (2.0,), learn) == 3


def test_another_frame_in_the_place_of_one_that_is_gone_is_learnt_from_anew():
    for number in range(20):
        frame = pl.DataFrame({"a": [number]})
        assert remembered(frame, "place", (0.0,), lambda number=number: number) == number
        del frame
        gc.collect()


def test_what_cannot_be_watched_is_learnt_from_again():
    learnt = iter([1, 2])
    assert [remembered([1], "list", (0.0,), lambda: next(learnt)) for _ in range(2)] == [1, 2]
