import numpy as np
import pytest

from servicenlp.classifier import ServiceClassifier
from servicenlp.evidence import MAX_WORDS, find_evidence, learn_evidence
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.scoring import score_texts

CHAT = "Customer: I waited four hours, he never came.\nAgent: You are wonderful, thank you, amazing!\nCustomer: This is a disgrace."
TEXTS = [
    "Waited four hours for the engineer and he never came.",
    CHAT,
    "😀😀 Marta was lovely 😀 and sorted it in two minutes, thank you!",
    "not good. not bad. don\u2019t go there :(",
    "zxqv",
    "late " * 300,
]


@pytest.fixture(scope="module")
def scored(model, learned):
    texts = [*TEXTS, *learned["text"]]
    return texts, score_texts(model, texts)


def test_evidence_is_a_quotation_from_its_offsets(scored):
    texts, columns = scored
    rows = zip(texts, columns["evidence"], columns["evidence_start"], columns["evidence_end"], strict=True)
    wrong = [quoted for text, quoted, start, end in rows if quoted and text[start:end] != quoted]
    assert wrong == []
    assert sum(map(bool, columns["evidence"])) > 0.9 * len(texts)


def test_evidence_has_no_offsets_where_there_is_none(scored):
    _, columns = scored
    rows = zip(columns["evidence"], columns["evidence_start"], columns["evidence_turn"], columns["evidence_speaker"], strict=True)
    assert {(start, turn, speaker) for quoted, start, turn, speaker in rows if not quoted} <= {(None, None, None)}


def test_evidence_is_short(scored):
    _, columns = scored
    lengths = [len(find_terms([quoted], [split_turns(quoted)]).start) for quoted in columns["evidence"] if quoted]
    assert max(lengths) <= MAX_WORDS
    assert len(columns["evidence"][5].split()) == MAX_WORDS


def test_evidence_begins_and_ends_with_a_word(scored):
    _, columns = scored
    assert [quoted for quoted in columns["evidence"] if quoted and quoted[0] in "!?.,; "] == []


def test_evidence_is_of_the_customer(scored):
    texts, columns = scored
    assert set(columns["evidence_speaker"]) <= {"customer", None}
    rows = zip(texts, columns["evidence_turn"], strict=True)
    assert {split_turns(text)[turn].speaker for text, turn in rows if turn is not None} == {"customer"}


def test_evidence_lies_in_its_turn(scored):
    texts, columns = scored
    rows = zip(texts, columns["evidence_turn"], columns["evidence_start"], columns["evidence_end"], strict=True)
    found = [(split_turns(text)[turn], start, end) for text, turn, start, end in rows if turn is not None]
    assert all(turn.start <= start < end <= turn.end for turn, start, end in found)


def test_evidence_is_none_where_only_the_agent_spoke(model):
    texts = ["Agent: You are wonderful, thank you, amazing!"]
    assert quotes(model, texts, [4]) == [None]
    assert score_texts(model, texts)["evidence"] == [None]


TAUGHT = ["It was Tuesday, the room smelled of smoke. We left", "We came by car. the bed was wet, it was June"] * 6
QUOTED = ["the room smelled of smoke", "the bed was wet"] * 6


@pytest.fixture
def taught() -> ServiceClassifier:
    return ServiceClassifier(max_iter=20).fit(TAUGHT, [1, 2] * 6)


def quotes(model, texts, level):
    terms = find_terms(texts, [split_turns(text) for text in texts])
    spans = find_evidence(model, terms, model.vocabulary_.find(terms.key), np.array(level) - 1, len(texts))
    return [text[start:end] if start >= 0 else None for text, start, end in zip(texts, spans.start, spans.end, strict=True)]


def test_learn_evidence_learns_which_clauses_are_quoted(taught):
    learn_evidence(taught, TAUGHT, np.array([0, 1] * 6), QUOTED)
    assert quotes(taught, TAUGHT[:2], [1, 2]) == QUOTED[:2]


@pytest.mark.parametrize("quotations", [[""] * 12, TAUGHT])
def test_learn_evidence_changes_nothing_where_nothing_is_to_be_learnt(taught, quotations):
    learn_evidence(taught, TAUGHT, np.array([0, 1] * 6), quotations)
    assert not taught.evidence_coef_.any()
    assert np.isfinite(taught.evidence_form_).all()


def test_find_evidence_gives_minus_one_where_nobody_is_heard(model):
    assert quotes(model, ["Bot: hello", "The food was cold", ""], [3, 2, 3]) == [None, "The food was cold", None]
