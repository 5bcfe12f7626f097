import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Turn, split_turns

CHAT = "Customer: My bag is lost.\nAgent: I am sorry.\nBot: Rate us.\nCustomer: Thanks."


def said(text):
    return [(turn.speaker, text[turn.start : turn.end].strip()) for turn in split_turns(text)]


def test_split_turns_gives_each_speaker_their_words():
    assert said(CHAT) == [(CUSTOMER, "My bag is lost."), (AGENT, "I am sorry."), (BOT, "Rate us."), (CUSTOMER, "Thanks.")]


@pytest.mark.parametrize("text", ["", "The food was cold.", "Price: too high", "See https://example.org/agent:1", "It said: agent: no"])
def test_split_turns_takes_a_text_without_labels_as_one_of_the_customer(text):
    assert split_turns(text) == [Turn(CUSTOMER, 0, len(text))]


def test_split_turns_leaves_words_before_the_first_label_to_the_customer():
    assert said("Hello there\nAgent: hi") == [(CUSTOMER, "Hello there"), (AGENT, "hi")]


def test_split_turns_makes_no_turn_of_blanks_before_the_first_label():
    assert said(" \n Agent: hi") == [(AGENT, "hi")]


@pytest.mark.parametrize(
    ("label", "speaker"),
    [
        ("customer:", CUSTOMER),
        ("CLIENT :", CUSTOMER),
        ("me:", CUSTOMER),
        ("passenger:", CUSTOMER),
        ("Rep:", AGENT),
        ("Adviser:", AGENT),
        ("advisor:", AGENT),
        ("[10:02] Agent:", AGENT),
        ("(10:02:11) agent:", AGENT),
        ("10:02 pm Agent:", AGENT),
        ("Chatbot:", BOT),
        ("Virtual assistant:", BOT),
        ("Private note:", NOTE),
        ("  System:", SYSTEM),
    ],
)
def test_split_turns_knows_the_labels_of_exports(label, speaker):
    assert said(f"{label} the words") == [(speaker, "the words")]


def test_split_turns_reads_windows_line_ends():
    assert said("Customer: one\r\nAgent: two") == [(CUSTOMER, "one"), (AGENT, "two")]


def test_split_turns_keeps_an_empty_turn():
    assert said("Agent:\nCustomer: hi") == [(AGENT, ""), (CUSTOMER, "hi")]


@pytest.mark.parametrize(("n", "speakers"), [(3, [AGENT] * 3), (4, [CUSTOMER, AGENT] * 2), (5, [CUSTOMER, AGENT] * 2 + [CUSTOMER])])
def test_split_turns_lets_speakers_alternate_where_all_bear_the_agents_label(n, speakers):
    assert [turn.speaker for turn in split_turns("\n".join(["Agent: hello"] * n))] == speakers


def test_split_turns_believes_labels_that_differ():
    assert [who for who, _ in said("Agent: a\nAgent: b\nAgent: c\nCustomer: d")] == [AGENT] * 3 + [CUSTOMER]


@given(st.lists(st.sampled_from(["Customer: ", "Agent:", "\n", "bot: ", "hello", " ", "10:02 ", "\r\n", "😀"]), max_size=20).map("".join))
def test_split_turns_are_in_order_and_do_not_overlap(text):
    turns = split_turns(text)
    edges = [edge for turn in turns for edge in (turn.start, turn.end)]
    assert edges == sorted(edges)
    assert turns[-1].end == len(text)
