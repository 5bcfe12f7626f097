import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicenlp.chats import is_newest_first, split_chat, split_label
from servicenlp.interactions import AGENT, BOT, CUSTOMER, SYSTEM, split_turns


def said(text):
    return [(one.speaker, text[one.start : one.end].strip()) for one in split_chat(text) if one.speaker != SYSTEM]


HELLO = [(AGENT, "hello"), (CUSTOMER, "hi")]


@pytest.mark.parametrize(
    "text",
    [
        "[10:02] Sam (Support): hello\n[10:03] Jo: hi",
        "10:02 Sam (Support): hello\n10:03 Jo: hi",
        "[10:02:11 AM] Agent Sam: hello\n[10:03:00 AM] Jo Brown: hi",
        "Sam (Agent) 10:02 AM: hello\nJo Brown 10:03 AM: hi",
        "Sam (Agent) [10:02]: hello\nJo [10:03]: hi",
        "Sam (AGENT)  10:02 AM\nhello\n\nJo  10:03 AM\nhi",
        "Agent Sam\n10:02\nhello\nJo\n10:03\nhi",
        "[Sam Jones (support)] 10:02:33\nhello\n[Jo Brown] 10:02:40\nhi",
        "2024-05-01 10:02:33 - Support - Sam: hello\n2024-05-01 10:02:53 - Visitor 123: hi",
        "2024-05-01T10:02:33.120Z support@shop.example: hello\n2024-05-01T10:02:43Z jo@mail.example: hi",
        "12/05/2024, 10:02 - Velo Support: hello\n12/05/2024, 10:03 - +49 151 0000000: hi",
        "[5/1/24, 10:02:33\u202fAM] Velo Support: hello\n\u200e[5/1/24, 10:03:33\u202fAM] ~ Jo: hi",
        "May 1, 2024 at 10:02 AM - Sam (rep): hello\nMay 1, 2024 at 10:04 AM - Jo: hi",
        "Wed May 01 2024 10:02:33 GMT+0000 | Agent 7: hello\nWed May 01 2024 10:03:33 GMT+0000 | Jo: hi",
        "( 10s ) Agent Eva: hello\n( 1m 13s ) Jo: hi",
        "10:02:33 From Sam (Support) to Everyone: hello\n10:02:40 From Jo to Everyone: hi",
        "[10:02] <agent_sam> hello\n[10:03] <jo> hi",
        "10:02\tSam (Support)\thello\n10:03\tJo\thi",
        "Sam (Support): hello\nJo: hi",
        "**Sam (Support):** hello\n**Jo:** hi",
        "Sam (Support):\nhello\n\nJo:\nhi",
        "Sam (Support)\nhello\n\nJo\nhi",
        "Agent\nhello\n\nCustomer\nhi",
        "Agent Sam: hello\nVisitor 12: hi",
        "[10:02] Sam (Support): hello [10:03] Jo: hi",
    ],
)
def test_split_chat_knows_how_chats_are_written(text):
    assert said(text) == HELLO
    assert said(text.replace("\n", "\r\n")) == HELLO


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The food was cold.",
        "Pros: clean. Cons: loud",
        "Pros: clean\nCons: loud\nPros: big\nCons: dark",
        "Room: 12",
        "Note: I love it",
        "Update: they called\nUpdate: they called again\nEdit: typo",
        "9:00 Arrived: nobody there\n9:30 Called: nobody there",
        "05/01/2024 10:30 - Called support: no answer\n05/02/2024 10:30 - Called support: no answer",
        "Monday 10:30 the bus came.\nTuesday 11:30 nothing.",
        "From: a@b.example\nTo: d\nSubject: e\n\nhi\n\nFrom: d\nTo: a\nSubject: f",
        "Customer service: terrible\nStaff: rude\nCustomer service: bad",
        "Guest Room: dirty\nCustomer Service: slow",
        "Product: kettle\nProblem: leaks\nProduct: pan\nProblem: burns",
        "Driver: rude\nPrice: ok\nDriver: rude again",
        "Check in: 14:00\nCheck out: 10:00\nWifi: 5",
        "Breakfast 7:00: cold\nDinner 19:00: colder",
        "Food: 3/5\nRooms: 2/5\nStaff: 5/5",
        "Customer: a\nOrder: 1\nAgent: b\nOrder: 2",
    ],
)
def test_split_chat_leaves_other_texts_alone(text):
    assert split_chat(text) == []


def test_split_chat_takes_the_lines_below_a_name_for_its_words():
    text = "[10:02] Jo: one\ntwo: 2\n\nthree\n[10:03] Eva: four"
    assert said(text) == [(CUSTOMER, "one\ntwo: 2\n\nthree"), (AGENT, "four")]


@pytest.mark.parametrize(
    "notice",
    [
        "*** Eva joined the chat ***",
        "--- Chat ended ---",
        "[10:03] Eva has joined",
        "Eva left the conversation.",
        "[10:03] *** Jo left ***",
    ],
)
def test_split_chat_gives_notices_to_nobody(notice):
    text = f"[10:02] Jo: hi\n{notice}\n[10:04] Eva (Support): hello"
    assert said(text) == [(CUSTOMER, "hi"), (AGENT, "hello")]


def test_split_chat_gives_lines_without_a_name_to_whoever_spoke_last():
    assert said("[10:02] Jo: hi\n[10:03] anybody there?\n[10:04] Eva: yes") == [
        (CUSTOMER, "hi"),
        (CUSTOMER, "anybody there?"),
        (AGENT, "yes"),
    ]


def test_split_chat_takes_a_heading_for_nobodys_and_a_letter_for_the_customers():
    chat = "[10:02] Jo: hi\n[10:03] Eva: whatever"
    assert said(f"Chat ID: 7\nAgent: Eva\n\n{chat}") == [(CUSTOMER, "hi"), (AGENT, "whatever")]
    assert said(f"Look how your colleague treats people\n\n{chat}")[0] == (CUSTOMER, "Look how your colleague treats people")


def test_split_chat_takes_addresses_of_the_domains_for_agents():
    text = "10:02 eva@shop.example: hello\n10:03 jo@mail.example: hi\n10:04 eva@shop.example: ok"
    assert [one.speaker for one in split_chat(text, ["shop.example"])] == [AGENT, CUSTOMER, AGENT]


def test_split_chat_takes_a_detail_for_words():
    text = "Eva (Support): Which one?\nJo: This:\nTracking Number: 17\nEva (Support): Thanks.\nJo: Sure"
    assert said(text)[1] == (CUSTOMER, "This:\nTracking Number: 17")


def test_split_turns_splits_chats():
    assert [turn.speaker for turn in split_turns("[10:02] HelpBot: hello\n[10:03] Jo: hi\n[10:04] Eva: yes")] == [BOT, CUSTOMER, AGENT]


def test_split_label_tells_names_from_other_words():
    assert split_label("Sam Jones: Good: yes") == ("Sam Jones", "Good: yes")
    assert split_label("see here: this") == ("", "see here: this")


def test_is_newest_first_believes_falling_times_only():
    lines = [f"[10:0{i}] {name}: {i}" for i, name in enumerate(["Jo", "Eva (Support)", "Jo"])]
    assert not is_newest_first(split_chat("\n".join(lines)))
    assert is_newest_first(split_chat("\n".join(lines[::-1])))


PIECES = [
    "[10:02] ",
    "Sam (Support): ",
    "Jo: ",
    "10:02 AM",
    "2024-05-01 ",
    "*** ",
    "\n",
    "hello",
    "Agent",
    " - ",
    "😀",
    "\r\n",
    "(",
    "**",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_split_turns_of_chats_are_in_order_and_do_not_overlap(text):
    edges = [edge for turn in split_turns(text) for edge in (turn.start, turn.end)]
    assert edges == sorted(edges)
    assert edges[-1] == len(text)
