import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicenlp.features import NEGATED_WORDS, NEGATIONS, Terms, Vocabulary, count_terms, find_terms
from servicenlp.interactions import split_turns


def terms_of(*texts: str) -> Terms:
    return find_terms(list(texts), [split_turns(text) for text in texts])


def names(text: str) -> list[str]:
    terms = terms_of(text)
    return [terms.name(i, [text]) for i in range(len(terms.key))]


def words(text: str) -> list[str]:
    """The words of a text, read back through their offsets."""
    terms = terms_of(text)
    return [text[start:end] for start, end in zip(terms.start, terms.end, strict=True)]


def occurrences(terms: Terms, text: int) -> list[tuple]:
    """Everything known of one text's terms, whatever the batch around it."""
    own = np.flatnonzero(terms.text == text)
    first, last = terms.word[own], terms.word[own] + terms.length[own] - 1
    return sorted(zip(terms.key[own], terms.start[first], terms.end[last], terms.turn[first], terms.space[own], strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The food was cold", ["The", "food", "was", "cold"]),
        ("don't", ["don't"]),
        ("don\u2019t", ["don\u2019t"]),
        ("'quoted' words'", ["quoted", "words"]),
        ("so happy 😀😀 now", ["so", "happy", "😀", "😀", "now"]),
        ("𝐆𝐨 on", ["𝐆", "𝐨", "on"]),
        ("☹ bad ✈", ["☹", "bad", "✈"]),
        ("İstanbul was IĞDIR", ["İstanbul", "was", "IĞDIR"]),
        ("a\x00b", ["a", "b"]),
        ("cold \ud83d food", ["cold", "food"]),
        ("السلام عليكم", ["السلام", "عليكم"]),
        ("\u202eservice\u202c bad", ["service", "bad"]),
        ("wait: 45 min!", ["wait", "45", "min", "!"]),
        ("naïve café", ["naïve", "café"]),
        ("one.two,three;four", ["one", "two", "three", "four"]),
        ("thanks :) a lot", ["thanks", ")", "a", "lot"]),
        ("thanks :-) a lot", ["thanks", ")", "a", "lot"]),
        ("http://example.org", ["http", "example", "org"]),
        ("...", []),
    ],
)
def test_find_terms_offsets_point_at_the_words(text, expected):
    assert words(text) == expected


def test_find_terms_offsets_hold_after_astral_characters_in_a_batch():
    texts = ["😀" * 7 + " lost", "", "𝕏 my bag", "Agent: 😀 sorry"]
    terms = terms_of(*texts)
    single = np.flatnonzero(terms.length == 1)
    found = [texts[terms.text[i]][terms.start[terms.word[i]] : terms.end[terms.word[i]]] for i in single]
    assert found == ["😀"] * 7 + ["lost", "𝕏", "my", "bag", "😀", "sorry"]


def test_find_terms_reads_200_000_characters():
    text = "The parcel was late again. " * 7500
    terms = terms_of(text)
    assert len(text) > 200_000
    assert len(terms.start) == 5 * 7500
    assert text[terms.start[-1] : terms.end[-1]] == "again"


def test_find_terms_reads_one_word_of_200_000_letters():
    assert words("a" * 200_000) == ["a" * 200_000]


@pytest.mark.parametrize("texts", [[], [""], ["  \n"], ["", ""], ["Bot: hello there"], ["Agent:"]])
def test_find_terms_finds_none_where_nobody_said_a_word(texts):
    assert len(terms_of(*texts).key) == 0


def test_find_terms_gives_words_and_pairs():
    assert names("Cold food again") == ["cold", "food", "again", "cold food", "food again"]


def test_find_terms_takes_any_number_for_the_same_term():
    assert names("waited 45 minutes") == names("waited 7 minutes")
    assert "0 minutes" in names("waited 45 minutes")


@pytest.mark.parametrize(("text", "same"), [("GREAT", "great"), ("don\u2019t", "don't"), ("ÉTÉ", "été")])
def test_find_terms_takes_one_spelling_for_another(text, same):
    assert terms_of(text).key.tolist() == terms_of(same).key.tolist()


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("not good", ["good"]),
        ("not one two three four five", ["one", "two", "three", "four"]),
        ("not good but quick", ["good"]),
        ("not good and quick", ["good"]),
        ("not good, quick", ["good"]),
        ("not good. quick", ["good"]),
        ("not good! quick", ["good"]),
        ("not good however quick", ["good"]),
        ("good, not", []),
        ("wasn\u2019t good", ["good"]),
        ("WASN'T good", ["good"]),
        ("nothing nobody good", ["nobody", "good"]),
        ("knot good", []),
    ],
)
def test_find_terms_marks_what_a_negation_reaches(text, negated):
    marked = [name.removeprefix("not:") for name in names(text) if name.startswith("not:") and " " not in name]
    assert marked == negated


@pytest.mark.parametrize("negation", NEGATIONS)
def test_find_terms_knows_every_negation(negation):
    assert "not:good" in names(f"{negation} good")


def test_find_terms_negation_ends_with_the_turn():
    text = "Customer: no\nAgent: good\nCustomer: good"
    assert not [name for name in names(text) if "not:" in name]


def test_find_terms_negation_reaches_a_fixed_number_of_words():
    text = "not " + " ".join("abcdefgh")
    assert sum(name.startswith("not:") and " " not in name for name in names(text)) == NEGATED_WORDS


def test_find_terms_keys_of_name_spaces_differ():
    spoken = "Customer: fine\nAgent: fine\nCustomer: not fine\nAgent: not fine"
    keys = {}
    terms = terms_of(spoken)
    for i in range(len(terms.key)):
        keys[terms.name(i, [spoken])] = terms.key[i]
    fine = [name for name in keys if name.endswith("fine") and " " not in name]
    assert sorted(fine) == ["agent:fine", "agent:not:fine", "fine", "last:not:fine", "not:fine"]
    assert len({int(keys[name]) for name in fine}) == len(fine)


def test_find_terms_key_does_not_depend_on_where_a_term_stands():
    first, second = terms_of("cold food"), terms_of("Agent: hello\nCustomer: the cold food was")
    assert set(first.key.tolist()) <= set(second.key.tolist())


def test_find_terms_keeps_the_agents_words_apart():
    found = names("Customer: refund now\nAgent: refund sent")
    assert {"refund", "agent:refund", "agent:refund sent"} <= set(found)
    assert "refund sent" not in found


def test_find_terms_copies_the_customers_last_turn_of_several():
    found = names("Customer: late\nAgent: sorry\nCustomer: thanks")
    assert {"thanks", "last:thanks"} <= set(found)
    assert "last:late" not in found


def test_find_terms_has_no_last_turn_where_there_is_only_one():
    assert not [name for name in names("Late again, thanks") if name.startswith("last:")]


def test_find_terms_leaves_other_speakers_out():
    assert words("Bot: rate us\nCustomer: late\nSystem: chat closed") == ["late"]


def test_find_terms_pairs_do_not_cross_turns():
    assert "late sorry" not in " ".join(names("Customer: late\nAgent: sorry"))


def test_terms_by_agent_tells_who_spoke():
    text = "Customer: late\nAgent: sorry\nCustomer: thanks"
    terms = terms_of(text)
    by_agent = {terms.name(i, [text]) for i in np.flatnonzero(terms.by_agent)}
    assert by_agent == {"agent:sorry"}


def test_terms_clauses_end_at_punctuation_and_at_turns():
    terms = terms_of("The food was cold, the room clean. Good\nAgent: thanks")
    assert np.diff(terms.clause).astype(bool).tolist() == [False, False, False, True, False, False, True, True]


def test_terms_turn_counts_within_each_text():
    terms = terms_of("Customer: a\nAgent: b", "Customer: c\nAgent: d")
    assert terms.turn.tolist() == [0, 1, 0, 1]


PIECES = [
    "Customer: ",
    "Agent: ",
    "\n",
    " ",
    "late",
    "not ",
    "don't ",
    "!",
    ", ",
    ":)",
    ";",
    "=D ",
    "😀",
    "45",
    "İ",
    "\u2019",
    "\x00",
    ":",
    "-",
]
TEXTS = st.lists(st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=20)), min_size=1, max_size=5)


@given(TEXTS)
def test_find_terms_of_a_batch_are_those_of_each_text_alone(texts):
    texts = [f"a {text} z" for text in texts]
    batch = terms_of(*texts)
    assert [occurrences(batch, i) for i in range(len(texts))] == [occurrences(terms_of(text), 0) for text in texts]


@pytest.mark.parametrize("text", [":) great", ";-) ok then", "=D"])
def test_find_terms_sees_a_face_at_the_start_as_anywhere(text):
    assert occurrences(terms_of("hello", text), 1) == occurrences(terms_of(text), 0)


@given(st.text(st.characters(), max_size=60))
def test_find_terms_offsets_lie_in_the_text_in_order(text):
    terms = terms_of(f"a {text}")
    assert (terms.start < terms.end).all()
    assert (terms.end[:-1] <= terms.start[1:]).all()
    assert terms.end[-1] <= len(text) + 2


KEYS = st.integers(0, 2**64 - 1)


@given(st.lists(KEYS, unique=True, max_size=60), st.lists(KEYS, max_size=30))
def test_vocabulary_finds_what_a_dictionary_finds(known, others):
    known.sort()
    columns = {key: i for i, key in enumerate(known)}
    asked = [*known, *others]
    found = Vocabulary(np.array(known, np.uint64)).find(np.array(asked, np.uint64))
    assert found.tolist() == [columns.get(key, -1) for key in asked]


@pytest.mark.parametrize("keys", [[0], [2**64 - 1], [0, 2**64 - 1], [5, 6, 7, 8], list(range(300))])
def test_vocabulary_finds_keys_that_are_not_spread(keys):
    vocabulary = Vocabulary(np.array(keys, np.uint64))
    assert vocabulary.find(np.array(keys, np.uint64)).tolist() == list(range(len(keys)))
    assert len(vocabulary) == len(keys)


def test_vocabulary_of_nothing_finds_nothing():
    assert Vocabulary(np.array([], np.uint64)).find(np.array([1, 2], np.uint64)).tolist() == [-1, -1]


def test_count_terms_counts_known_terms_of_each_row():
    counts = count_terms(np.array([1, 0, 1, 1, 0]), np.array([2, 0, 2, -1, 1]), (3, 3))
    assert counts.toarray().tolist() == [[1, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert counts.dtype == np.float32


def test_count_terms_of_nothing_is_empty():
    none = np.array([], np.int64)
    assert count_terms(none, none, (2, 0)).shape == (2, 0)
