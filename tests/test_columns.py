import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from servicenlp.columns import COLUMNS, FLAGS, TEXTS, VALUES, Scores, cells, flag_codes, level_codes, probability_codes
from servicenlp.evidence import Spans

SHARES = arrays(float, 8, elements=st.floats(0, 1))


def scores(**codes: list[int]) -> Scores:
    """The scores of two texts: "so bad", of which "bad" is the evidence, and a cell that was skipped."""
    spans = Spans(*(np.array(part) for part in ([3, -1], [6, -1], [0, -1])))
    return Scores({name: np.array(part, np.int16) for name, part in codes.items()}, spans, ["scored", "skipped: no text"], "m-1")


@pytest.mark.parametrize("name", VALUES)
def test_texts_are_those_of_the_values(name):
    assert TEXTS[name].tolist() == [str(value) for value in VALUES[name][:-1]] + [""]
    assert VALUES[name][-1] is None


@given(SHARES)
def test_probability_codes_stand_for_four_decimals(shares):
    assert VALUES["p_level_1"][probability_codes(shares)].tolist() == np.round(shares, 4).tolist()


@given(SHARES)
def test_level_codes_stand_for_three_decimals(shares):
    expected = 1 + 5 * shares
    assert VALUES["expected_level"][level_codes(expected)].tolist() == np.round(expected, 3).tolist()


def test_flag_codes_stand_for_the_names_of_what_is_raised():
    raised = [np.array([name == own for own in FLAGS] + [True, False]) for name in FLAGS]
    assert VALUES["flags"][flag_codes(raised)].tolist() == [*FLAGS, "|".join(FLAGS), ""]


def test_cells_fill_every_column():
    columns = cells(scores(level=[0, -1], level_name=[0, -1]), ["so bad", None], VALUES)
    assert set(columns) == set(COLUMNS)
    full = {name: own[0] for name, own in columns.items() if own[0] is not None}
    assert full == {
        "level": 1, "level_name": "criminal", "status": "scored", "model": "m-1",
        "evidence": "bad", "evidence_start": 3, "evidence_end": 6, "evidence_turn": 0, "evidence_speaker": "customer",
    }  # fmt: skip
    assert {name: own[1] for name, own in columns.items() if own[1] is not None} == {"status": "skipped: no text"}


def test_cells_can_be_text():
    assert cells(scores(level=[0, -1]), ["so bad", None], TEXTS)["level"] == ["1", ""]


def test_cells_have_no_evidence_where_none_was_found():
    without = scores()._replace(spans=Spans(*(np.array([-1, -1]) for _ in range(3))))
    columns = cells(without, ["so bad", None], VALUES)
    assert columns["evidence"] == ["", None]
    assert columns["evidence_start"] == columns["evidence_speaker"] == [None, None]


def test_scores_are_small_when_sent():
    many = Scores({name: np.zeros(1000, np.int16) for name in VALUES}, Spans(*(np.zeros(1000, int),) * 3), ["scored"] * 1000, "m")
    assert len(pickle.dumps(many)) < 100 * 1000
