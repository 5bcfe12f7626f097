import json

import pytest

from servicenlp.errors import DataError
from servicenlp.readers import Options, open_source, open_sources

CUSTOMER = {"id": 1, "type": "customer", "email": "ann@mail.example"}
USER = {"id": 2, "type": "user", "email": "bob@shop.example"}


def thread(kind, body, creator, at=10, **more) -> dict:
    return {"type": kind, "body": body, "createdBy": creator, "createdAt": at, "state": "published", **more}


def read(tmp_path, document, options=None):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    return open_source(path, options)


def texts(source) -> list:
    return [text for batch in source.batches(100) for text in batch.texts]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (thread("message", "Yes.", USER), "Customer: Open today?\nAgent: Yes."),
        (thread("message", "Yes.", {"type": "system_user"}), "Open today?"),
        (thread("chat", "Yes.", USER), "Customer: Open today?\nAgent: Yes."),
        (thread("chat", "Hello?", {}), "Customer: Open today?\nCustomer: Hello?"),
        (thread("customer", "Hello?", USER), "Customer: Open today?\nCustomer: Hello?"),  # whom an agent entered for
        (thread("phone", "She will come.", USER), "Open today?"),
        (thread("forwardchild", "Do you know?", USER), "Open today?"),
        (thread("message", "Yes.", USER, state="underreview"), "Open today?"),
        (thread(None, "Yes.", None), "Open today?"),
    ],
)
def test_speakers_are_told_by_type_and_creator(tmp_path, told, said):
    assert texts(read(tmp_path, {"_embedded": {"threads": [told, thread("customer", "Open today?", CUSTOMER, 5)]}})) == [said]


def test_colleagues_who_write_by_mail_are_agents(tmp_path):
    document = [
        {"threads": [thread("customer", "Open?", CUSTOMER, 5), thread("customer", "Yes.", {**CUSTOMER, "email": "eve@shop.example"})]}
    ]
    assert texts(read(tmp_path, document, Options(agent_domains=("shop.example",)))) == ["Customer: Open?\nAgent: Yes."]


@pytest.mark.parametrize(
    "document",
    [
        {"_embedded": {"conversations": [{"id": 1, "threads": 2, "preview": "The kite", "mailboxId": 3, "primaryCustomer": CUSTOMER}]}},
        {"conversations": {"results": [{"id": 1, "threadCount": 2, "preview": "The kite", "assignedName": "Bob"}]}},
    ],
)
def test_previews_are_refused(tmp_path, document):
    with pytest.raises(
        DataError, match=r"a.json: Help Scout conversations without their threads. Found only previews. Ask .*embed=threads."
    ):
        read(tmp_path, document)


def test_threads_are_joined_to_conversations_without_them(tmp_path):
    listed = [{"id": 7, "threads": 1, "preview": "Open", "mailboxId": 3, "primaryCustomer": CUSTOMER}]
    (tmp_path / "conversations.json").write_text(json.dumps({"_embedded": {"conversations": listed}}))
    (tmp_path / "threads.jsonl").write_text(json.dumps({**thread("customer", "Open today?", CUSTOMER), "conversation_id": 7}) + "\n")
    [source] = open_sources([tmp_path], tmp_path)
    assert texts(source) == ["Open today?"]


def test_a_report_is_refused_unless_it_holds_words(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Number,Subject,Mailbox,First Response Time,Handle Time\n1,Torn kite,Support,60,5\n")
    with pytest.raises(DataError, match=r"a Help Scout report, which holds no messages. Found 'Handle Time', .*--text-column 'Subject'."):
        open_source(path)
    path.write_text("Number,Comments,Mailbox,First Response Time,Handle Time\n1,You were very quick,Support,60,5\n")
    assert open_source(path).shape.reader == "generic"
