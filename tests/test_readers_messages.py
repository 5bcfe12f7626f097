import json
import logging
import mailbox
from email.message import EmailMessage

import pytest
from test_exports import judged

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.readers import open_source, open_sources
from servicenlp.readers.messages import recognise
from servicenlp.readers.people import is_support, role_of
from servicenlp.readers.shape import Sample
from servicenlp.readers.threads import Threads

ODD = [None, True, 7, 7.5, float("nan"), "", " ", "x", [], [None], {}, {"a": None}, [{"a": 1}], [[]], ["a", 1], "[1,", "{}", "\x00"]


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes | list, name: str = "a.csv"):
        path = tmp_path / "given" / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Customer", "customer"), ("END_USER", "customer"), ("visitor 12", "customer"), ("inbound", "customer"),
        ("Incoming message", "customer"),
        ("Kunde", "customer"), ("お客様", "customer"), ("Agent", "agent"), ("customer support", "agent"), ("SupportAgent", "agent"),
        ("Mitarbeiter", "agent"), ("担当者", "agent"), ("out", "agent"), ("Mary (Agent)", "agent"), ("assistant", "agent"),
        ("chatbot", "bot"),
        ("AI Agent", "bot"), ("system", "system"), ("Internal note", "note"), ("private", "note"), ("Ann Guest", None), ("u123", None),
        ("", None), ("eva@example.com", None), ("12", None),
    ],
)  # fmt: skip
def test_role_of(name, role):
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("Help <help@a.example>", True),
        ("no-reply@a.example", True),
        ("eva@a.example", False),
        ("kundenservice@a.example", True),
        (None, False),
    ],
)
def test_is_support(address, known):
    assert is_support(address) is known


def test_threads_take_names_and_numbers():
    threads = Threads()
    threads.add("<a@x>", "")
    threads.add("<b@x>", "<a@x>")
    threads.add("7", "6")
    assert threads.find("<a@x>") == threads.find("<b@x>") != threads.find("7") == threads.find("6")
    assert threads.find("unheard of") == "unheard of"


@pytest.mark.parametrize(
    "content",
    [
        "ticket_id,description,agent,created_at\n1,The tap drips,Bo,2025-01-01\n2,Nobody came,Bo,2025-01-02\n",
        "ticket_id,description,last_reply_by,status\n1,The tap drips,agent,open\n2,Nobody came,customer,open\n",
        "order_id,customer_id,review,user_type\n1,5,The tap drips,guest\n2,5,Nobody came,guest\n",
        "id,name,review,date\n1,Ann,The tap drips,2025-01-01\n2,Ben,Nobody came,2025-01-02\n3,Cy,All is well,2025-01-03\n",
        "case,text,created\n1,The tap drips,2025-01-01\n1,The tap drips,2025-01-01\n2,Nobody came,2025-01-02\n3,All is well,2025-01-03\n",
        "respondent,question,answer\n1,How was it?,The tap drips\n2,How was it?,Nobody came\n",
    ],
)
def test_tables_of_one_row_an_interaction_are_not_messages(write, content):
    assert open_source(write(content)).shape.reader == "generic"


@pytest.mark.parametrize("role", ["role", "sender_type", "Author", "from", "Speaker", "direction", "user_type", "Rolle", "送信者"])
@pytest.mark.parametrize(
    "talk", ["conversation_id", "Thread", "ticketId", "Case Number", "Chat ID", "session", "Ticketnummer", "チケット番号"]
)
def test_messages_are_known_under_many_names(write, role, talk):
    content = f"{talk},{role},text\n1,customer,The tap drips\n1,agent,We come\n2,customer,Nobody came\n"
    found = open_source(write(content))
    assert found.shape.reader == "messages"
    assert judged(found) == [
        [["customer", "The tap drips"], ["agent", "We come"]], "part of the interaction in row 1", [["customer", "Nobody came"]]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "customer", "agent"),
    [
        ("is_agent", "false", "true"), ("inbound", "True", "False"), ("outbound", "0", "1"), ("from_customer", "yes", "no"),
        ("is_staff", "f", "t"), ("Incoming", "TRUE", "FALSE"), ("sender", "c", "a"), ("speaker", "Client", "Rep"),
    ],
)  # fmt: skip
def test_flags_tell_who_speaks(write, column, customer, agent):
    content = f"chat_id,{column},body\n1,{customer},The tap drips\n1,{agent},We come\n1,{customer},Thank you\n"
    assert judged(open_source(write(content)))[0] == [["customer", "The tap drips"], ["agent", "We come"], ["customer", "Thank you"]]


def test_names_beside_a_role_are_the_other_side(write):
    content = "chat_id,sender,body\n1,Visitor,The tap drips\n1,Ann Poe,We come\n2,Visitor,Thank you\n"
    assert judged(open_source(write(content)))[0] == [["customer", "The tap drips"], ["agent", "We come"]]


def test_addresses_are_told_by_the_domains_named(write):
    content = "chat_id,sender,body\n1,eva@example.com,The tap drips\n1,bo@flat.example,We come\n"
    found = open_source(write(content), Options(agent_domains=("flat.example",)))
    assert judged(found)[0] == [["customer", "The tap drips"], ["agent", "We come"]]


def test_days_that_stand_first_keep_the_order(write):
    content = "chat_id,role,body,date\n1,agent,We come,02/03/2025 10:00\n1,customer,The tap drips,28/02/2025 10:00\n"
    assert judged(open_source(write(content)))[0] == [["customer", "The tap drips"], ["agent", "We come"]]


def test_a_column_that_is_named_groups_the_rows(write):
    content = "household,who,what they said\n7,customer,The tap drips\n8,customer,Nobody came\n7,agent,We come\n"
    assert judged(open_source(write(content), Options(id_column="household")))[0] == [["customer", "The tap drips"], ["agent", "We come"]]


def test_a_missing_id_column_is_named(write):
    with pytest.raises(DataError, match=r"a.csv: no column 'x'. Found 'chat_id', 'role', 'body'. Name one of them with --id-column."):
        open_source(write("chat_id,role,body\n1,customer,The tap drips\n"), Options(id_column="x"))


def test_ids_as_a_spreadsheet_writes_them_are_the_same(write):
    rows = [{"chat_id": 1, "role": "customer", "text": "The tap drips"}, {"chat_id": 1.0, "role": "agent", "text": "We come"}]
    assert judged(open_source(write(rows, "a.jsonl")))[0] == [["customer", "The tap drips"], ["agent", "We come"]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("column", ["chat_id", "role", "text", "time", "private", "type"])
def test_odd_cells_never_raise(write, column, odd):
    row = {"chat_id": "1", "role": "customer", "text": "The tap drips", "time": "2025-01-01", "private": False, "type": "message"}
    rows = [row, row | {"role": "agent", "text": "We come"}, row | {column: odd}]
    path = write("".join(json.dumps(one) + "\n" for one in rows), "a.jsonl")
    assert len(judged(open_source(path))) == 3


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("place", ["messages", "message", "text", "author", "time", "participants"])
def test_odd_lists_never_raise(write, place, odd):
    said = {"author": {"role": "customer"}, "text": "The tap drips", "time": 1}
    rows = [
        {"id": 1, "messages": [said], "participants": []},
        {"id": 2, "messages": [said, said | {"text": "We come"}], "participants": []},
    ]
    if place in ("messages", "participants"):
        rows[1][place] = odd
    elif place == "message":
        rows[1]["messages"][1] = odd
    else:
        rows[1]["messages"][1][place] = odd
    found = open_source(write("".join(json.dumps(row) + "\n" for row in rows), "a.jsonl"))
    assert (found.shape.reader, judged(found)[0], len(judged(found))) == ("nested", [["customer", "The tap drips"]], 2)


def test_fields_of_forms_are_no_messages(write):
    rows = [
        {"id": i, "description": "The tap drips", "data": [{"name": "floor", "value": "4"}, {"name": "flat", "value": "b"}]}
        for i in range(3)
    ]
    assert open_source(write(rows, "a.jsonl")).shape.reader == "generic"


def test_no_message_is_lost_where_tables_are_joined(write, tmp_path):
    write("id,channel\nc1,chat\nc2,chat\n", "conversations.csv")
    path = write(
        "conversation_id,author,message\nc1,Customer,The tap drips\nc8,Customer,Nobody came\n,Customer,I have no number\n", "messages.csv"
    )
    sources = open_sources([path.parent], tmp_path / "unpacked")
    assert [judged(source) for source in sources] == [
        [[["customer", "The tap drips"]], "no text"],
        [[["customer", "Nobody came"]], [["customer", "I have no number"]]],
    ]


def test_tables_that_share_small_numbers_are_not_joined(write, tmp_path):
    write("id,stars,review\n1,2,The tap drips\n2,5,All is well\n", "reviews.csv")
    path = write("chat_id,role,text\n1,customer,Nobody came\n2,customer,Thank you\n1,agent,We come\n", "chats.csv")
    assert sorted(source.shape.reader for source in open_sources([path.parent], tmp_path / "unpacked")) == ["generic", "messages"]


def test_parts_of_one_table_are_one(write, tmp_path):
    head = "chat_id,role,text,time\n"
    write(head + "1,agent,We come,2025-02-01\n", "b.csv")
    path = write(head + "1,customer,The tap drips,2025-01-01\n", "a.csv")
    (source,) = open_sources([path.parent], tmp_path / "unpacked")
    assert judged(source) == [[["customer", "The tap drips"], ["agent", "We come"]], "part of the interaction in row 1"]


def test_a_table_without_words_stops_what_it_was_named_for(write, tmp_path):
    paths = [write("chat_id,role,text\n1,customer,The tap drips\n"), write("day,calls\n1,5\n", "b.csv")]
    with pytest.raises(DataError, match=r"b.csv: no text column."):
        open_sources(paths, tmp_path / "unpacked")


def test_a_sample_without_rows_is_no_table_of_messages():
    assert recognise(Sample("a.csv", [], []), Options()) is None


def letter(sender: str, to: str, subject: str, body: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(body)
    return mail


@pytest.fixture
def box(tmp_path):
    def box(*mails: EmailMessage, **options):
        (tmp_path / "a.mbox").unlink(missing_ok=True)
        written = mailbox.mbox(tmp_path / "a.mbox")
        for mail in mails:
            written.add(mail)
        written.close()
        return judged(open_source(tmp_path / "a.mbox", Options(**options)))

    return box


def test_the_first_sender_is_the_customer(box):
    mails = [
        letter("eva@example.com", "bo@flat.example", "Tap", "The tap drips", Message_ID="<1@x>"),
        letter("bo@flat.example", "eva@example.com", "Re: Tap", "We come", Message_ID="<2@x>", In_Reply_To="<1@x>"),
        letter("eva@example.com", "bo@flat.example", "Re: Tap", "Thank you", Message_ID="<3@x>", In_Reply_To="<2@x>"),
    ]
    assert box(*mails)[0] == [["customer", "The tap drips"], ["agent", "We come"], ["customer", "Thank you"]]
    assert box(*mails, agent_domains=("example.com",))[0] == [["agent", "The tap drips"], ["customer", "We come"], ["agent", "Thank you"]]


def test_a_thread_that_the_company_begins_is_the_customers_answer(box):
    mails = [
        letter("noreply@flat.example", "eva@example.com", "Your visit", "How was it?", Message_ID="<1@x>"),
        letter("eva@example.com", "noreply@flat.example", "Re: Your visit", "Nobody came", References="<1@x>"),
    ]
    assert box(*mails)[0] == [["agent", "How was it?"], ["customer", "Nobody came"]]


def test_an_answer_that_names_no_mail_joins_its_subject(box):
    mails = [
        letter("eva@example.com", "help@flat.example", "Tap", "The tap drips", Message_ID="<1@x>"),
        letter("help@flat.example", "eva@example.com", "AW: Tap", "We come", Message_ID="<2@x>"),
        letter("ben@example.com", "help@flat.example", "Tap", "Mine drips too", Message_ID="<3@x>"),
    ]
    assert box(*mails)[::2] == [[["customer", "The tap drips"], ["agent", "We come"]], [["customer", "Mine drips too"]]]


def test_forms_and_machines_are_not_agents(box):
    mails = [
        letter("forms@flat.example", "help@flat.example", "Form", "The tap drips", Reply_To="eva@example.com", Message_ID="<1@x>"),
        letter("noreply@flat.example", "help@flat.example", "Form", "Nobody came", Reply_To="ben@example.com", Message_ID="<2@x>"),
        letter("mailer-daemon@x.example", "help@flat.example", "Failed", "No such address", Message_ID="<3@x>"),
    ]
    assert box(*mails) == [[["customer", "The tap drips"]], [["customer", "Nobody came"]], "only system messages"]


def test_mails_in_files_of_their_own_are_threads_too(tmp_path):
    (tmp_path / "mails").mkdir()
    for i, mail in enumerate(
        [
            letter("eva@example.com", "help@flat.example", "Tap", "The tap drips", Message_ID="<1@x>"),
            letter("help@flat.example", "eva@example.com", "Re: Tap", "We come", Message_ID="<2@x>", References="<1@x>"),
        ]
    ):
        (tmp_path / "mails" / f"{i}.eml").write_bytes(mail.as_bytes())
    (source,) = open_sources([tmp_path / "mails"], tmp_path / "unpacked")
    assert judged(source)[0] == [["customer", "The tap drips"], ["agent", "We come"]]


@pytest.mark.parametrize(
    "content",
    [
        b"From: eva@example.com\nTo: a@b.example\nSubject: \xff\xfe\xe9\nDate: \xff\n\nThe tap drips",
        b"From: =?utf-8?B?!!!?= <eva@example.com>\nTo: a@b.example\nContent-Type: text/plain; charset=\xff\n\nThe tap drips",
        b"From: eva@example.com\nTo: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nThe tap drips\n",
        b"From: eva@example.com\nTo: a@b.example\nContent-Type: multipart/mixed\n\nThe tap drips",
        b"From: eva@example.com\nTo: a@b.example\nContent-Transfer-Encoding: base64\n\nVGhlIHRhcCBkcmlwcw",
        b"From: eva@example.com\r\nTo: a@b.example\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThe tap=\r\n drips=",
        b"From: eva@example.com\nTo: a@b.example\nContent-Type: text/html\n\n<html><body><p>The tap drips</p></body></html>",
        b"From: eva@example.com\nTo: a@b.example\nContent-Type: text/plain; charset=utf-16\n\n" + "The tap drips".encode("utf-16"),
    ],
)
def test_broken_mails_survive(write, content):
    assert judged(open_source(write(content, "a.eml"))) == [[["customer", "The tap drips"]]]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [("a.eml", b"", "an empty file"), ("a.mbox", b"hello there\nthis is no mail\n", "no headers such as From:")],
)
def test_a_file_without_mail_is_refused(write, name, content, what):
    with pytest.raises(DataError, match=rf"{name}: no mail in it. Found {what}"):
        open_source(write(content, name))


def test_what_is_left_out_is_named_in_one_line(write, tmp_path, caplog):
    write("chat_id,role,text\n1,customer,The tap drips\n")
    path = write("day,calls\n1,5\n", "b.csv")
    with caplog.at_level(logging.WARNING):
        assert len(open_sources([path.parent], tmp_path / "unpacked")) == 1
    assert [record.getMessage().split(": ")[0::2] for record in caplog.records] == [
        ["Left out", "no text column. Found 'day', 'calls'. Name it with --text-column."]
    ]


def test_ids_and_names_may_hold_halves_of_pairs(tmp_path):
    rows = [{"chat_id": "\ud800", "sender": name, "message": text} for name, text in [("customer", "It is late."), ("agent", "Sorry!")]]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0] | {"chat_id": "2"}]))
    assert judged(open_source(tmp_path / "a.jsonl"))[:2] == [
        [["customer", "It is late."], ["agent", "Sorry!"]],
        "part of the interaction in row 1",
    ]


def test_a_column_of_words_that_is_named_leaves_conversations_whole(tmp_path):
    rows = ["chat_id,sender,html,body", "1,customer,<p>It is late.</p>,It is late.", "1,agent,<p>Sorry!</p>,Sorry!"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    [source] = open_sources([tmp_path / "a.csv"], tmp_path, Options(text_column="html"))
    assert judged(source) == [[["customer", "It is late."], ["agent", "Sorry!"]], "part of the interaction in row 1"]
