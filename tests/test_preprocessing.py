import json
import time
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message, Turn
from servicenlp.markup import strip_markup
from servicenlp.preprocessing import assemble, clean, plain
from servicenlp.replies import strip_replies

DATA = Path(__file__).parent.parent / "data"

UNTOUCHED = [
    "",
    " ",
    "Great!",
    "I <3 this place",
    "5 < 6 and 7 > 3",
    "I <3 it <really> and a <b and c> d",
    "> late\n> rude\n> dirty\nnever again",
    "> worst airline ever\nthat is what my mother says",
    "And then the agent wrote: not our problem.",
    "The manager wrote:\n\nWe are not responsible.\n\nCan you believe it?",
    "On Monday I wrote:\nplease cancel it.\nNothing came of it.",
    "On 3 May 2024 at 10:12 I wrote:\nplease cancel it.\nNothing came of it.",
    "On 3 May they wrote:\nwe refund you.\nThey did not.",
    "My trip\nFrom: London\nTo: Paris\nDate: 3 May\nwas a mess.",
    "From: London\nTo: Paris\nNever again.",
    "Subject: complaint\nYour driver was rude.",
    "Sent from my house to London it took nine days.\nBad.",
    "It was sent from my phone and nobody answered.\nBad.",
    "Bad\nSent from my phone and nobody answered",
    "Thanks,\nbut I still wait for my refund.\nDana",
    "Thanks,\nbut my order 4411 2231 99 is still missing!\nDana",
    "Pros:\n- clean rooms\n- kind staff\nCons:\n- the lift",
    "Great room\n--\nbut rude staff",
    "Good\n---\nBad\n---\nUgly things happened here",
    "Best regards to the chef, he was kind.\nDana",
    "They sent confidential papers to the wrong person in error, and my e-mail address too.",
    "The message was intended for my neighbour.",
    "AT&T is R&D & co. &c",
    "Fish & chips; bread & butter",
    "Crème brûlée – “très” bon, 5 €, naïve Zoë",
    "Ä Ö Ü ß â ã Ã",
    "Отличный сервис: спасибо!",
    "サービス：最高\n[10:02]",
    "-----",
    ":",
    "wrote:",
    "On wrote:",
    "From: Sent: To: Subject:",
    "Customer: hi\nAgent: On 3 May 2024 at 10:12 Sam <sam@norda.example> wrote:\nit is fixed\nCustomer: it is not",
]

HTML = {
    "<p>It&#39;s <b>late</b></p>": "It's late",
    "Never<br>again<br/>!": "Never\nagain\n!",
    "<div>Bad.</div><style>p {color: red}</style><script>alert('x')</script>": "Bad.",
    "<html><head><style>p {}</style></head><body><p>Bad.</p></body></html>": "Bad.",
    "<p>Bad.</p><blockquote>Dear Dana, it is fixed.</blockquote>": "Bad.",
    '<div>Bad.</div><div class="gmail_quote"><div class="gmail_attr">On Fri, Care wrote:</div>It is fixed.</div>': "Bad.",
    '<div>Bad.</div><div class="x gmail_quote gmail_quote_container">It is fixed.</div>': "Bad.",
    '<div>Bad.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Care</div><div>It is fixed.</div>': "Bad.",
    "<div>Bad.</div><div class='gmail_signature'>Dana Reed<br>Norda</div>": "Bad.",
    "<div>Bad.</div><div class='yahoo_quoted'>It is fixed.</div>": "Bad.",
    "<div class='gmail_quote'>---------- Forwarded message ---------<br>Your bill doubled.</div>": (
        "---------- Forwarded message ---------\nYour bill doubled."
    ),
    "<blockquote>All of it is quoted.</blockquote>": "All of it is quoted.",
    "I <3 it<br>bye <customer name>": "I <3 it\nbye <customer name>",
    "One\ntwo <b>three</b>\n\nfour": "One\ntwo three\n\nfour",
    "Bad.<!-- a note --><p>Very.</p>": "Bad.\n\nVery.",
    "<P ALIGN=LEFT>Bad.</P>": "Bad.",
    '<a href="https://norda.example/a?b=1&amp;c=2">here</a> it says so': "here it says so",
    "<p>unclosed <b>tags <i>everywhere": "unclosed tags everywhere",
    "</div></p>Bad.<br": "Bad.",
    "AT&amp;T &lt;3 me": "AT&T <3 me",
    "It&amp;#39;s bad": "It's bad",
    "Bad&nbsp;service": "Bad service",
    "&lt;p&gt;Bad.&lt;/p&gt;": "Bad.",
    "caf&eacute;": "café",
    "<br>": "",
    "<style>p {}</style>": "",
    "<p>a lone \ud800 surrogate</p>": "a lone \ud800 surrogate",
}

MOJIBAKE = {
    "The cafÃ© wasnâ€™t good": "The café wasn’t good",
    "GrÃ¼ÃŸe aus KÃ¶ln": "Grüße aus Köln",
    "It â€“ sadly â€“ broke. Right “here”.": "It – sadly – broke. Right “here”.",
    "Ð¿Ð»Ð¾Ñ…Ð¾": "плохо",
}

HEADS = {
    "English": "On Fri, 3 May 2024 at 10:12, Norda Care <care@norda.example> wrote:",
    "English, American": "On May 3, 2024, at 10:12 AM, Norda Care <care@norda.example> wrote:",
    "English, no address": "On 03/05/2024 10:12, Norda Care wrote:",
    "English, wrapped": "On Fri, May 3, 2024 at 10:12 AM Norda Customer Care Team\n<care@norda.example> wrote:",
    "German": "Am 3. Mai 2024 um 10:12 schrieb Norda Care <care@norda.example>:",
    "German, no address": "Am 03.05.2024 um 10:12 schrieb Norda Care:",
    "French": "Le ven. 3 mai 2024 à 10:12, Norda Care <care@norda.example> a écrit :",
    "Spanish": "El vie, 3 may 2024 a las 10:12, Norda (<care@norda.example>) escribió:",
    "Italian": "Il giorno ven 3 mag 2024 alle ore 10:12 Norda <care@norda.example> ha scritto:",
    "Dutch": "Op vr 3 mei 2024 om 10:12 schreef Norda Care <care@norda.example>:",
    "Dutch, older": "Op 3 mei 2024 om 10:12 heeft Norda <care@norda.example> het volgende geschreven:",
    "Portuguese": "Em sex., 3 de mai. de 2024 às 10:12, Norda <care@norda.example> escreveu:",
    "Polish": "pt., 3 maj 2024 o 10:12 Norda <care@norda.example> napisał(a):",
    "Polish, older": "W dniu 03.05.2024 o 10:12, Norda pisze:",
    "Swedish": "Den fre 3 maj 2024 kl 10:12 skrev Norda <care@norda.example>:",
    "Japanese": "2024年5月3日(金) 10:12 Norda <care@norda.example>:",
    "Russian": "пт, 3 мая 2024 г. в 10:12, Norda <care@norda.example>:",
    "Outlook": "From: Norda Care <care@norda.example>\nSent: Friday, 3 May 2024 10:12\nTo: Dana Reed\nSubject: Re: bill",
    "Outlook, bold": "*From:* Norda Care\n*Sent:* Friday, 3 May 2024 10:12\n*To:* Dana Reed\n*Subject:* Re: bill",
    "Outlook, spaced": "From: Norda Care <care@norda.example>\n\nDate: Friday, 3 May 2024\n\nTo: Dana Reed\n\nSubject: Re: bill",
    "Outlook, ruled": "________________________________\nFrom: Norda <care@norda.example>\nSent: Friday\nTo: Dana\nSubject: bill",
    "Outlook, German": "Von: Norda <care@norda.example>\nGesendet: Freitag, 3. Mai 2024\nAn: Dana\nBetreff: AW: Rechnung",
    "Outlook, French": "De : Norda <care@norda.example>\nEnvoyé : vendredi 3 mai 2024\nÀ : Dana\nObjet : facture",
    "Outlook, Spanish": "De: Norda <care@norda.example>\nEnviado el: viernes, 3 de mayo\nPara: Dana\nAsunto: factura",
    "Outlook, Italian": "Da: Norda <care@norda.example>\nInviato: venerdì 3 maggio\nA: Dana\nOggetto: fattura",
    "Outlook, Dutch": "Van: Norda <care@norda.example>\nVerzonden: vrijdag 3 mei\nAan: Dana\nOnderwerp: factuur",
    "Outlook, Portuguese": "De: Norda <care@norda.example>\nEnviado: sexta-feira\nPara: Dana\nAssunto: fatura",
    "Outlook, Polish": "Od: Norda <care@norda.example>\nWysłano: piątek\nDo: Dana\nTemat: rachunek",
    "Outlook, Japanese": "差出人: Norda <care@norda.example>\n送信日時: 2024年5月3日\n宛先: Dana\n件名: 請求書",
    "separator": "-----Original Message-----\nFrom: Norda",
    "separator, spaced": "--- Original message ---",
    "separator, German": "-----Ursprüngliche Nachricht-----",
    "separator, French": "-----Message d'origine-----",
    "separator, Spanish": "-----Mensaje original-----",
    "separator, Dutch": "-----Oorspronkelijk bericht-----",
}

SIGNED = [
    "-- \nDana Reed\nNorda Ltd",
    "--\nDana Reed\ndana@home.example",
    "__\nDana Reed",
    "Sent from my iPhone",
    "Sent from my Samsung Galaxy S21",
    "Sent from my iPad using Tapatalk",
    "Sent from Yahoo Mail on Android",
    "Sent from Mail for Windows 10",
    "Sent via mobile",
    "Get Outlook for iOS",
    "Get Outlook for Android<https://norda.example/x>",
    "Von meinem iPhone gesendet",
    "Gesendet von meinem Handy",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verzonden vanaf mijn iPhone",
    "Enviado do meu iPhone",
    "Wysłane z iPhone",
    "iPhoneから送信",
    "CONFIDENTIALITY NOTICE: This e-mail is intended only for the addressee and may be privileged. If you are not the intended recipient, "
    "delete it.",
    "Confidentiality notice\n\nThis message may hold confidential information. If you have received this message in error, delete it.",
    "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, vernichten Sie diese Mail.",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_plain_words_stay_the_same_object(text):
    assert plain(text) is text
    assert clean(text) == (text, None, None, False)


@pytest.mark.parametrize("cell", [None, 3, 2.5, float("nan"), ["a"], b"<p>x</p>"])
def test_clean_hands_on_what_is_no_text(cell):
    found = clean(cell)
    assert found.text is cell
    assert found[1:] == (None, None, False)


def test_clean_tells_that_a_text_was_made():
    assert clean("<p>Bad.</p>") == ("Bad.", None, None, True)


@pytest.mark.parametrize(("given", "words"), HTML.items())
def test_markup_is_taken_out(given, words):
    assert strip_markup(given) == words


@pytest.mark.parametrize(("given", "words"), MOJIBAKE.items())
def test_wrong_decoding_is_undone(given, words):
    assert plain(given) == words


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("quoted", ["Dear Dana,\nit is fixed.", "> Dear Dana,\n> it is fixed."], ids=["bare", "marked"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_quoted_replies_are_cut(head, quoted, end):
    assert plain(f"It still is broken!\n\n{head}\n\n{quoted}".replace("\n", end)) == "It still is broken!"


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_quoted_replies_are_cut_from_html(head):
    lines = "".join(f"<div>{line.replace('<', '&lt;')}</div>" for line in head.split("\n"))
    assert plain(f"<div>It still is broken!</div>{lines}<div>Dear Dana, it is fixed.</div>") == "It still is broken!"


@pytest.mark.parametrize("head", [head for name, head in HEADS.items() if "Outlook" not in name and "separator" not in name])
def test_answers_between_and_below_quoted_lines_stay(head):
    more = "> Does it shine?\n> We wonder about this, and would like to hear from you soon."
    assert plain(f"See below.\n\n{head}\n> Is it plugged in?\nYes.\n{more}\nNo.") == "See below.\n\nYes.\nNo."


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_all_stays_where_nothing_else_was_written(head):
    text = f"{head}\n> Dear Dana,\n> it is fixed."
    assert plain(text) is text


def test_forwarded_words_stay():
    head = "---------- Forwarded message ---------\nFrom: Care <care@norda.example>\nDate: Fri\nSubject: bill\nTo: dana@home.example"
    assert plain(f"Look at this!\n\n{head}\n\nYour bill doubled.").endswith("Your bill doubled.")


@pytest.mark.parametrize(
    "quotation",
    [
        "On Tue, May 3, 2024 at 9:12 AM Care Team <care@norda.example> wrote: Dear Dana, thank you.",
        "Am 3.5.2024 um 10:12 schrieb Norda <care@norda.example>: Liebe Dana",
        "-----Original Message----- From: Care Dear Dana",
        "From: Care Team <care@norda.example> Sent: Friday To: Dana Reed Subject: bill Dear Dana",
        "Sent from my iPhone",
    ],
)
def test_quotations_are_cut_where_line_ends_were_lost(quotation):
    assert plain(f"My bill is wrong. {quotation}") == "My bill is wrong."


@pytest.mark.parametrize(
    "text", ["> Please send us your order number so that we can look into it today.\n> Care\nIt is 4411", ">> a\n> b\nIt is 4411"]
)
def test_quoted_lines_with_no_head_are_cut_if_a_mail_program_made_them(text):
    assert plain(text) == "It is 4411"


@pytest.mark.parametrize("ending", SIGNED)
def test_signatures_are_cut(ending):
    assert plain(f"My bill is wrong.\n\n{ending}") == "My bill is wrong."


def test_addresses_below_a_greeting_are_cut():
    assert plain("It broke.\n\nKind regards,\nDana Reed\nTel. +44 20 7946 0011\ndana@home.example") == "It broke.\n\nKind regards,"
    text = "It broke.\n\nKind regards,\nDana Reed"
    assert plain(text) is text


def test_a_disclaimer_leaves_the_words_before_it():
    assert plain(f"My bill is wrong. {SIGNED[20]}") == "My bill is wrong."


def test_a_desk_line_is_cut():
    assert plain("##- Please type your reply above this line -##\nIt broke.") == "It broke."


@pytest.mark.parametrize(
    "piece",
    [
        "<b>",
        "<div>",
        "<table><tr><td>",
        "<p><a href=x>",
        "<",
        "<a ",
        '<a x="',
        "<!--",
        "<script>",
        "<style",
        "&amp;",
        "&",
        "â€™",
        "<blockquote>",
        "<ol><li>",
        "<div id=appendonsend></div>",
        "On 2024 10:12 ",
        "wrote: ",
        "On 3.3.2024 10:12 wrote: ",
        ">\n",
        "> a\n",
        "From: a\n",
        "\n",
        "From: a Sent: b To: c ",
        "a:\n",
        "--\n",
        "-",
        "----- \n",
        "Sent from my ",
        "intended recipient e-mail delete ",
        "On a\n",
        "x",
        " ",
        "\t\n",
        "On 3.3.2024 10:12 a@b.c wrote:\nx\n",
        "From: a@b\nDate: x\n\n",
        "-----Original Message-----\n",
        "> On 3.3.2024 10:12 a@b.c wrote:\n",
    ],
)
def test_long_texts_take_no_long_time(piece):
    text = piece * (200_000 // len(piece))
    begin = time.perf_counter()
    plain(text)
    plain(f"<p>Bad.</p>{text}")
    plain(text + "\nAgent: hello\nCustomer: bye:")
    assert time.perf_counter() - begin < 20  # most take a tenth of a second


def test_deeply_nested_html_keeps_its_words():
    assert plain("<div>" * 5000 + "It broke." + "</div>" * 5000) == "It broke."


def test_short_plain_texts_take_no_time():
    texts = ["My bill is wrong and nobody answers, 3 < 4.", "They said: wait. I waited & waited.", "Line one\nline two"] * 10_000
    begin = time.perf_counter()
    for text in texts:
        plain(text)
    assert time.perf_counter() - begin < 3  # a tenth of a second where nothing else runs


@pytest.mark.parametrize("name", ["plain", "everyday", "stories"])
def test_no_training_text_loses_words(name):
    texts = [json.loads(line)["text"] for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [text for text in texts if plain(text) is not text] == []


@given(st.text())
def test_any_text_can_be_cleaned(text):
    assert isinstance(plain(text), str)
    assert plain(text) == plain(text)


@given(st.text(st.characters(blacklist_characters="<>&:\n\r-_#*ÂÃâÐÑ", max_codepoint=0x17F)))
def test_texts_with_no_marks_stay(text):
    assert strip_replies(text) is text


PIECES = [
    "It broke.",
    "\n",
    "\n\n",
    "> quoted",
    "On 3.5.2024 10:12, a@b.example wrote:",
    "-- ",
    "<p>",
    "</p>",
    "Sent from my iPhone",
    ":",
    "From: a@b.c",
    "Subject: x",
    "Date: y",
    "&amp;",
    "<blockquote>",
    "Agent: hi",
    "-----Original Message-----",
    " ",
    "<3",
    "&lt;",
    "\r\n",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_words_are_never_all_lost(pieces):
    text = "".join(pieces)
    found = plain(text)
    if any(map(str.isalpha, text)) and "<" not in text and "&" not in text:
        assert any(map(str.isalpha, found))
    if text.startswith("It broke."):
        assert "It broke." in found


@given(st.sampled_from(list(HEADS.values())), st.sampled_from(SIGNED))
def test_cleaning_twice_changes_no_more(head, ending):
    once = plain(f"It broke.\n\n{ending}\n\n{head}\n> no")
    assert once == "It broke."
    assert plain(once) is once


def test_assemble_orders_by_time():
    messages = [Message(CUSTOMER, "Where is it?", 1.0), Message(AGENT, "On its way.", 2.0), Message(CUSTOMER, "Thanks", 3.0)]
    for order in permutations(messages):
        found = assemble(order)
        assert found.text == "Customer: Where is it?\nAgent: On its way.\nCustomer: Thanks"
        assert found.turns == [Turn(CUSTOMER, 10, 22), Turn(AGENT, 30, 41), Turn(CUSTOMER, 52, 58)]
        assert [found.text[t.start : t.end] for t in found.turns] == [m.text for m in messages]


def test_assemble_keeps_the_order_where_a_time_is_missing():
    assert assemble([Message(CUSTOMER, "b", 2.0), Message(CUSTOMER, "a"), Message(CUSTOMER, "c", 1.0)]).text == (
        "Customer: b\nCustomer: a\nCustomer: c"
    )


@pytest.mark.parametrize(
    "again", ["My router is dead since Monday.", "<p>My  router is <b>dead</b> since&nbsp;Monday</p>", "MY ROUTER\nis dead, since Monday"]
)
def test_assemble_leaves_out_what_repeats_the_first_message(again):
    first = Message(CUSTOMER, "My router is dead since Monday.")
    assert assemble([first, Message(CUSTOMER, again)]).text == first.text
    told = assemble([first, Message(AGENT, "Hello."), Message(CUSTOMER, again)])
    assert told.text == f"Customer: {first.text}\nAgent: Hello."


def test_assemble_takes_the_whole_for_a_description_cut_short():
    whole = "My router is dead since Monday and nobody has answered me so far."
    assert assemble([Message(CUSTOMER, whole[:45]), Message(CUSTOMER, whole)]).text == whole


def test_assemble_keeps_short_words_said_twice():
    assert assemble([Message(CUSTOMER, "hello?"), Message(AGENT, "hi"), Message(CUSTOMER, "hello?")]).text.count("hello?") == 2
    assert assemble([Message(CUSTOMER, "hello?"), Message(CUSTOMER, "hello?")]).text == "hello?"


@pytest.mark.parametrize(
    "reply",
    [
        "We are sorry.\n\nMy router is dead since Monday.",
        "We are sorry.\n\n> My router is dead\n> since Monday.",
        "We are sorry.<blockquote>My router is dead since Monday.</blockquote>",
        "We are sorry.\n\nOn 3 May 2024 10:12, Dana <dana@home.example> wrote:\n> My router is dead since Monday.",
        "> My router is dead since Monday.\nWe are sorry.",
    ],
)
def test_assemble_leaves_out_what_a_reply_quotes(reply):
    told = assemble([Message(CUSTOMER, "My router is dead since Monday."), Message(AGENT, reply)])
    assert told.text == "Customer: My router is dead since Monday.\nAgent: We are sorry."
    assert [told.text[turn.start : turn.end] for turn in told.turns] == ["My router is dead since Monday.", "We are sorry."]


def test_assemble_keeps_a_reply_that_is_but_a_quotation():
    told = assemble([Message(CUSTOMER, "My router is dead since Monday."), Message(AGENT, "My router is dead since Monday.")])
    assert told.text.endswith("Agent: My router is dead since Monday.")


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "no text"),
        ([Message(CUSTOMER, " ")], "no text"),
        ([Message(AGENT, "Hello.")], "only agent messages"),
        ([Message(BOT, "Hello."), Message(BOT, "Hm.")], "only bot messages"),
        ([Message(AGENT, "Hello."), Message(SYSTEM, "closed")], "no customer words"),
    ],
)
def test_assemble_says_why_there_is_nothing(messages, why):
    assert assemble(messages) == ("", None, why, True)


def test_assemble_leaves_out_who_is_no_party():
    messages = [Message(SYSTEM, "joined"), Message(CUSTOMER, "It broke."), Message(BOT, "I am a bot"), Message(NOTE, "angry")]
    assert assemble(messages) == ("It broke.", [Turn(CUSTOMER, 0, 9)], None, True)


@given(st.lists(st.tuples(st.sampled_from([CUSTOMER, AGENT, BOT]), st.text()), max_size=8))
def test_assemble_turns_are_where_they_say(messages):
    found = assemble(Message(*message) for message in messages)
    for turn in found.turns or []:
        assert 0 <= turn.start < turn.end <= len(found.text)
        assert found.text[turn.start : turn.end].strip() == found.text[turn.start : turn.end]


@pytest.mark.parametrize("speaker", [CUSTOMER, AGENT, SYSTEM])
def test_a_chat_within_a_message_is_taken_apart(speaker):
    chat = "[10:02] Visitor 42: My glass broke.\n[10:03] Tom (Support): Sorry! A new one is on its way.\n[10:04] Visitor 42: Great."
    interaction = assemble([Message(speaker, chat, 1.0), Message(CUSTOMER, "It never came.", 2.0)])
    assert [(turn.speaker, interaction.text[turn.start : turn.end]) for turn in interaction.turns] == [
        (CUSTOMER, "My glass broke."),
        (AGENT, "Sorry! A new one is on its way."),
        (CUSTOMER, "Great."),
        (CUSTOMER, "It never came."),
    ]


@pytest.mark.parametrize("text", ["Order: 4471\nAgent: Eva\nCustomer: Jo\nProblem: broken glass", "I called. Rep: no. Me: then I leave."])
def test_a_form_within_a_message_is_its_authors(text):
    assert [turn.speaker for turn in assemble([Message(CUSTOMER, text, 1.0)]).turns] == [CUSTOMER]
