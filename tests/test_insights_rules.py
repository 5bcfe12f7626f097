import csv
from pathlib import Path

import pytest

from servicenlp.errors import DataError
from servicenlp.insights.phrases import certain
from servicenlp.insights.rules import THEMES, load_rules, sentence

SENTENCES = Path(__file__).parent / "insight_sentences.tsv"


@pytest.fixture(scope="module")
def rules():
    return load_rules()


def found(rules, text):
    return [mention.rule.id for mention in rules.find(text)]


def measure(rules, rows):
    """Count what is found rightly, found wrongly and missed, over rules and sentences."""
    right = wrong = missed = 0
    for row in rows:
        want, got = set(row["rules"].split(",")) - {"-"}, set(found(rules, row["sentence"]))
        right, wrong, missed = right + len(want & got), wrong + len(got - want), missed + len(want - got)
    return right / (right + wrong), right / (right + missed)


# The phrases were mended while looking at the first half (pairs of a positive and a hard negative, every
# other pair) and not at the second, whose figures are those that count.
@pytest.mark.parametrize(("half", "least"), [(0, 0.97), (1, 0.93)])
def test_find_is_precise_and_complete_on_labelled_sentences(rules, half, least):
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = [row for i, row in enumerate(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)) if i // 2 % 2 == half]
    precision, recall = measure(rules, rows)
    print(f"half {half}: {len(rows)} sentences, precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
    assert precision >= least
    assert recall >= least


def test_sample_names_every_rule(rules):
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    named = {rule for row in rows for rule in row["rules"].split(",")} - {"-"}
    assert len(rows) >= 240
    assert len({row["sentence"] for row in rows}) == len(rows)
    assert named == {rule.id for rule in rules.rules if rule.theme != "topic"}


def test_rules_are_whole(rules):
    assert len({rule.id for rule in rules.rules}) == len(rules.rules)
    assert {rule.theme for rule in rules.rules} == set(THEMES)
    assert all(rule.definition.endswith(".") and rule.source.endswith(".") for rule in rules.rules)


def test_find_tells_place_and_sentence(rules):
    text = "Hello. The dress fits.\nThey refunded the post before I asked, lovely! Bye."
    mention = rules.find(text)[0]
    assert text[mention.start : mention.end].startswith("refunded the post before I asked")
    assert text[mention.left : mention.right] == "They refunded the post before I asked, lovely!"


def test_find_counts_a_rule_once_a_sentence(rules):
    assert found(rules, "Third time I call. Third time, third call!") == ["repeat-contact", "repeat-contact"]


def test_find_leaves_agents_out_of_what_customers_say(rules):
    told = "Customer: My tv is broken.\nAgent: I wish you had told us, I have waived the fee.\nCustomer: ok"
    assert "wish" not in found(rules, told)
    assert "waived" in found(rules, told)


def test_find_reads_typographic_apostrophes(rules):
    assert "why-cant-you" in found(rules, "Why can\u2019t you just send a text?")


def test_find_reads_empty_and_odd_texts(rules):
    assert found(rules, "") == []
    assert found(rules, "\n\n:::\x00 ...") == []
    assert len(found(rules, "I wish you had lifts. " * 2000)) == 2000


def test_competitors_are_found_by_their_context(rules):
    mentions = {
        (m.name, m.rule.detail) for m in rules.find("Tollgate is cheaper than you. I came to you from Pell & Sons. They are better.")
    }
    assert mentions == {("Tollgate", "better"), ("Pell & Sons", "worse")}


def test_competitors_of_a_list_are_found_and_no_others():
    rules = load_rules(("Red Kite", "hilltop"))
    told = "Red Kite never answered. I am off, going to hilltop instead. Tollgate is cheaper than you."
    assert {(m.name, m.rule.detail) for m in rules.find(told) if m.name} == {("Red Kite", "worse"), ("hilltop", "better")}


def test_topics_are_those_of_the_sentence(rules):
    text = "The queue was long. I wish you had evening hours. The price is fine."
    wish = next(m for m in rules.find(text) if m.rule.id == "wish")
    assert [rule.id for rule in rules.topics(text, wish.left, wish.right)] == ["topic-hours"]


def test_certain_refuses_a_phrase_without_a_certain_word():
    with pytest.raises(DataError, match=r"without a certain word. Found '\(a\)\? \\\\d\+'"):
        certain(r"(a)? \d+")


@pytest.mark.parametrize("phrase", ["(a|b (c|d)) e", "x(s|es)? (never|not)( \\w+){0,2} y"])
def test_certain_words_are_in_all_readings(phrase):
    assert all(certain(phrase))


def test_sentence_ends_at_its_mark():
    text = 'One. "Two is here." Three'
    assert text[slice(*sentence(text, 9, 12))] == 'Two is here."' or text[slice(*sentence(text, 9, 12))] == '"Two is here."'


def test_find_keeps_places_where_small_letters_are_longer(rules):
    text = "İstanbul. I WISH you opened later."  # a small dotted İ is two characters
    mention = rules.find(text)[0]
    assert text[mention.start : mention.end].startswith("I WISH you")


@pytest.mark.parametrize(
    "text",
    [
        "The old line was stopped on the right day.",
        "You rang to ask what the problem was, and I had told you.",
        "Saw the outage credit before I noticed the gap.",
        "Here you talk to the same three people, and they do what they say.",
    ],
)
def test_find_leaves_what_only_looks_alike(rules, text):
    assert found(rules, text) == []
