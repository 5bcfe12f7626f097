import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicenlp.interactions import AGENT, CUSTOMER, Turn, split_turns
from servicenlp.privacy import KINDS, find_private, redact, redact_turns

DATA = Path(__file__).parent.parent / "data"

MASKED = {
    "Write to dana.reed+shop@home.example now": "Write to [EMAIL] now",
    "Mail <dana@home.co.uk>, please": "Mail <[EMAIL]>, please",
    "mailto:dana_r@home.example.": "mailto:[EMAIL].",
    "It is dana dot reed, no: dana.reed at home dot com": "It is dana dot reed, no: [EMAIL]",
    "dana (at) home (dot) org": "[EMAIL]",
    "Call me on 020 7946 0018": "Call me on [PHONE]",
    "+44 20 7946 0018 is my line": "[PHONE] is my line",
    "My cell: (212) 555-0123": "My cell: [PHONE]",
    "212-555-0123": "[PHONE]",
    "212.555.0123 or 1-800-555-0199": "[PHONE] or [PHONE]",
    "text 555-0123": "text [PHONE]",
    "My mobile number is 07700 900123.": "My mobile number is [PHONE].",
    "Nobody called. 07911 123456": "Nobody called. [PHONE]",
    "2125550123 is where I am": "[PHONE] is where I am",
    "+49 (0)30 1234567": "[PHONE]",
    "0049 30 1234567": "[PHONE]",
    "06 12 34 56 78 à Paris": "[PHONE] à Paris",
    "whatsapp +91 98200 44718": "whatsapp [PHONE]",
    "(918-555-0170)": "([PHONE])",
    "It was card 4111 1111 1111 1111": "It was card [CARD]",
    "4111111111111111": "[CARD]",
    "5500-0000-0000-0004 and 3400 000000 00009": "[CARD] and [CARD]",
    "My IBAN is GB29 NWBK 6016 1331 9268 19 please": "My IBAN is [IBAN] please",
    "DE89370400440532013000": "[IBAN]",
    "de89 3704 0044 0532 0130 00.": "[IBAN].",
    "Account 55019923 is closed": "Account [ACCOUNT] is closed",
    "acct# 1234567": "acct# [ACCOUNT]",
    "my account number is 12-34-56 12345678": "my account number is [ACCOUNT]",
    "policy no. 404 229 1118": "policy no. [ACCOUNT]",
    "Policy number HM-228190, thanks": "Policy number [ACCOUNT], thanks",
    "customer number: 10044329": "customer number: [ACCOUNT]",
    "Your member ID?\nCustomer: 3310 8827 40": "Your member ID?\nCustomer: [ACCOUNT]",
    "passport 550117220": "passport [ACCOUNT]",
    "sort code 11-22-09": "sort code [ACCOUNT]",
    "4111 1111 1111 1112": "[ACCOUNT]",
    "123456789012345678": "[ACCOUNT]",
    "SSN 219-09-9999": "SSN [SSN]",
    "219-09-9999": "[SSN]",
    "my social security number is 219099999": "my social security number is [SSN]",
    "from 8.8.8.8 they said": "from [IP] they said",
    "from 2001:0db8:85a3:0000:0000:8a2e:0370:7334": "from [IP]",
    "My name is Dana Reed and I am cross.": "My name is [NAME] and I am cross.",
    "my name is dana reed": "my name is [NAME]",
    "my name is dana and i wait": "my name is [NAME] and i wait",
    "This is Dana Reed speaking": "This is [NAME] speaking",
    "Hi, this is Dana from Leeds": "Hi, this is [NAME] from Leeds",
    "I'm Dana from Leeds": "I'm [NAME] from Leeds",
    "I am Zoë Müller, calling about it": "I am [NAME], calling about it",
    "Hi Dana,\nyour parcel is lost": "Hi [NAME],\nyour parcel is lost",
    "Agent: Hello Wei Ling, so sorry": "Agent: Hello [NAME], so sorry",
    "Dear Mrs Reed,": "Dear Mrs [NAME],",
    "Dear Dr. O'Neill-Ba:": "Dear Dr. [NAME]:",
    "Good morning Ms Tan!": "Good morning Ms [NAME]!",
    "a Mr Bello picked up": "a Mr [NAME] picked up",
    "Mrs Yilmaz's bag": "Mrs [NAME]'s bag",
    "It broke.\nKind regards,\nDana Reed": "It broke.\nKind regards,\n[NAME]",
    "It broke.\n\nThanks\n\nDana": "It broke.\n\nThanks\n\n[NAME]",
    "It broke. Best wishes, Dana": "It broke. Best wishes, [NAME]",
    "It broke. Thanks, Dana Reed": "It broke. Thanks, [NAME]",
    "Name: Dana Reed\nIt broke": "Name: [NAME]\nIt broke",
}

STAYING = [
    "",
    "It broke.",
    "[NAME] wrote to [EMAIL]",
    "Hi [NAME],",
    "On 3 May 2024",
    "2024-05-03",
    "03/05/2024 10:12",
    "3.5.2024",
    "2024-05-03T10:12:33Z",
    "account since 2019-05-03",
    "call 2024-05-03",
    "at 10:12",
    "between 9-10 or 14:00-15:30",
    "20:15:44",
    "1999 to 2004",
    "2019-2024",
    "$1,234.56",
    "£ 129.99",
    "1.299,00 €",
    "1 250 000",
    "12,345,678 views",
    "€2000",
    "500000 EUR",
    "100%",
    "99.99999%",
    "BA 2490",
    "LH1234 to FRA",
    "flight 117 seat 22A",
    "Boeing 737-800",
    "PNR X7K2PQ",
    "iPhone 15 256GB",
    "TL-WR841N v14",
    "Galaxy S21 SM-G991B",
    "RTX 4090",
    "RJ45",
    "1920x1080",
    "Archer AX55",
    "model 20113384",
    "order 44112233",
    "order number 2125550123",
    "Order no. 114-7781120-3340098",
    "for 402-7781120-3340098",
    "your order number?\nCustomer: 1008834",
    "booking 8812 4477 33",
    "ticket #330918223",
    "tracking 1234 5678 9012 3456",
    "tracking number 9400111899223197428490",
    "invoice 20240503",
    "case number 550117220",
    "reference 77120-44812",
    "serial number 8944110277305",
    "card ending 4411",
    "my card 4411",
    "account 4411",
    "room 1204",
    "PO Box 123456",
    "90210-1234",
    "SW1A 1AA",
    "version 8.8.8.8",
    "firmware 1.2.3.4",
    "192.168.1.1",
    "127.0.0.1",
    "10.0.0.138 does not open",
    "1.2.3",
    "build 10.0.19045.3570",
    "call at 10",
    "call 911",
    "call 24/7",
    "call me in 2 or 3 days",
    "phone 15 pro",
    "I called 3 times in 2 weeks",
    "open 9.00 - 17.30",
    "3-0, 2-1 and 4-4",
    "100-200 people",
    "1000000",
    "5 x 12345",
    "score 4-6 6-4 7-6",
    "@shop help",
    "@shop.example",
    "a@b",
    "me @ home",
    "10 dot 5",
    "We looked at home dot dot dot",
    "This is Great from start to finish",
    "this is London calling",
    "I'm British from birth",
    "I am from Leeds",
    "I am Not from here",
    "I'm calling about Leeds",
    "My name is misspelled",
    "my name is not on it",
    "My name is wrong on the ticket",
    "this is a scam from hell",
    "Hi there,",
    "Hi team,",
    "Hello Support Team,",
    "Dear Sir or Madam,",
    "Dear Customer,",
    "Dear Sirs,",
    "Hey guys,",
    "Hi,",
    "Hello!",
    "Hi all,",
    "Thanks, great job",
    "Thanks a lot",
    "Thank you so much",
    "Thanks for the Fish",
    "Best service ever",
    "Best hotel in Rome",
    "Cheers everyone",
    "Thanks again!",
    "Best Regards",
    "Dr Pepper was warm",
    "Dr. Martens boots",
    "Mr Muscle",
    "Miss you",
    "name: unknown",
    "brand name: none",
    "My bank is in London.",
    "Bought at Marks in Leeds on Monday.",
]


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_redact_masks(text, masked):
    found, counts = redact(text)
    assert found == masked
    assert counts == Counter(kind for kind in KINDS for _ in range(masked.count(f"[{kind}]")))
    assert redact(found) == (found, Counter())


@pytest.mark.parametrize("text", STAYING)
def test_redact_leaves(text):
    found, counts = redact(text)
    assert found == text
    assert found is text
    assert counts == Counter()


@pytest.mark.parametrize("text", [text for text in MASKED if "Name:" not in text and "\n" not in text])
def test_redact_masks_within_other_words(text):
    kinds = redact(text)[1]
    assert redact(f"It is late.\n{text}\nAnd it broke.")[1] == kinds


def test_redact_counts_by_kind():
    text = "Hi Dana,\nmail a@b.example or c@d.example, or call +44 20 7946 0018.\nKind regards\nWei Ling"
    assert redact(text) == (
        "Hi [NAME],\nmail [EMAIL] or [EMAIL], or call [PHONE].\nKind regards\n[NAME]",
        Counter(NAME=2, EMAIL=2, PHONE=1),
    )


def test_redact_turns_moves_the_turns():
    text = "Customer: I am at dana@home.example, call 212-555-0123\nAgent: Hello Dana, I see.\nCustomer: ok"
    masked, turns, counts = redact_turns(text, split_turns(text))
    assert [(turn.speaker, masked[turn.start : turn.end].strip()) for turn in turns] == [
        (CUSTOMER, "I am at [EMAIL], call [PHONE]"),
        (AGENT, "Hello [NAME], I see."),
        (CUSTOMER, "ok"),
    ]
    assert counts == Counter(EMAIL=1, PHONE=1, NAME=1)


def test_redact_turns_keeps_what_has_nothing_to_mask():
    text, turns = "Customer: hi", [Turn(CUSTOMER, 10, 12)]
    masked, moved, counts = redact_turns(text, turns)
    assert masked is text
    assert (moved, counts) == (turns, Counter())


def test_redact_turns_puts_a_turn_that_cuts_a_mask_around_or_before_it():
    text = "a dana@home.example b"
    masked, turns, _ = redact_turns(text, [Turn(CUSTOMER, 0, 5), Turn(AGENT, 5, len(text))])
    assert masked == "a [EMAIL] b"
    assert turns == [Turn(CUSTOMER, 0, 2), Turn(AGENT, 2, 11)]


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "12 ",
        "123-",
        "1.",
        "1.1.1.1 ",
        "212-555-0123 ",
        "4111111111111111 ",
        "GB29NWBK60161331926819 ",
        "AB12",
        "a",
        "A",
        "a.",
        "a@",
        "@",
        "a@a.",
        "a@b.c ",
        "my name is ",
        "My Name Is Dana ",
        "Hi ",
        "Hi Dana, ",
        "Thanks, ",
        "Thanks\n",
        "\n",
        "Dana ",
        "Mr ",
        "Mr Reed ",
        "this is Dana ",
        "+",
        "(",
        "0",
        "account ",
        "account 123456 ",
        "number ",
        "call ",
        "is is is ",
        "1:",
        "::",
        "f:",
        " dot ",
        "a at b ",
        "I'm ",
        "Name: Dana\n",
        "É",
        "1-",
        "- ",
        ".",
        "{",
    ],
)
def test_long_texts_take_no_long_time(piece):
    text = piece * (200_000 // len(piece))
    begin = time.perf_counter()
    redact(text)
    redact(f"call my account 1{text}@x")
    assert time.perf_counter() - begin < 20  # most take a tenth of a second


def test_training_texts_lose_no_prices_or_dates():
    texts = [json.loads(line)["text"] for line in (DATA / "everyday.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [text[one.start : one.end] for text in texts for one in find_private(text) if one.kind not in ("NAME", "EMAIL")]
    assert len(found) < 40
    assert [words for words in found if sum(map(str.isdigit, words)) < 6] == []


@given(st.text())
def test_any_text_can_be_masked(text):
    masked, counts = redact(text)
    assert sum(counts.values()) == len(find_private(text))
    assert (masked is text) == (not counts)


@given(st.lists(st.sampled_from([*MASKED, *STAYING, "Customer: ", "Agent: ", "\n"]), max_size=6), st.data())
def test_parts_never_overlap_and_turns_stay_in_the_text(pieces, data):
    text = " ".join(pieces)
    found = find_private(text)
    assert all(one.end <= other.start for one, other in zip(found, found[1:], strict=False))
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    masked, turns, _ = redact_turns(text, [Turn(CUSTOMER, a, b) for a, b in zip(places, places[1:], strict=False)])
    assert masked == redact(text)[0]
    assert all(0 <= turn.start <= turn.end <= len(masked) for turn in turns)
    assert all(one.end == other.start for one, other in zip(turns, turns[1:], strict=False))
