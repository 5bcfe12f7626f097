import json

import pytest

from servicenlp.errors import DataError
from servicenlp.readers import Options, open_source, open_sources

USER = {"type": "user", "id": "1", "email": "ann@mail.example"}
ADMIN = {"type": "admin", "id": "2", "email": "bob@shop.example"}


def texts(source) -> list:
    return [batch.texts[i] for batch in source.batches(100) for i in range(len(batch.texts))]


def conversation(body, parts, author=USER, **more) -> dict:
    return {
        "id": "9",
        "created_at": 5,
        "source": {"body": body, "author": author},
        "conversation_parts": {"conversation_parts": parts},
        **more,
    }


def part(kind, body, author, at=10) -> dict:
    return {"part_type": kind, "body": body, "author": author, "created_at": at}


def read(tmp_path, document, options=None):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    return open_source(path, options)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (part("comment", "Yes.", ADMIN), "Customer: Open today?\nAgent: Yes."),
        (part("close", "<p>Yes.</p>", ADMIN), "Customer: Open today?\nAgent: Yes."),
        (part("assignment", "<p>Yes.</p>", ADMIN), "Customer: Open today?\nAgent: Yes."),
        (part("assignment", "Assigned to Bob", ADMIN), "Open today?"),
        (part("conversation_tags_updated", "vip", ADMIN), "Open today?"),
        (part("note_and_reopen", "<p>Again her.</p>", ADMIN), "Open today?"),
        (part("open", "Hello?", USER), "Customer: Open today?\nCustomer: Hello?"),
        (part("comment", "Yes.", {**ADMIN, "from_ai_agent": True}), "Open today?"),
        (part("comment", "Yes.", {**ADMIN, "email": "operator+x1@intercom.io"}), "Open today?"),
        (part("comment", "Hello?", None), "Customer: Open today?\nCustomer: Hello?"),
        (part("comment", "Moved.", {"type": "workflow"}), "Open today?"),
        (part("comment", "Yes.", {"id": 2}), "Customer: Open today?\nAgent: Yes."),
    ],
)
def test_speakers_are_told_by_kind_and_author(tmp_path, told, said):
    found = read(tmp_path, conversation("Open today?", [told], admin_assignee_id=2))
    assert texts(found) == [said]


def test_colleagues_who_write_by_mail_are_agents(tmp_path):
    document = conversation("Open today?", [part("comment", "Yes.", {**USER, "email": "eve@shop.example"})])
    assert texts(read(tmp_path, document, Options(agent_domains=("shop.example",)))) == ["Customer: Open today?\nAgent: Yes."]


def test_parts_are_joined_to_their_conversations(tmp_path):
    talk = conversation("Open today?", [])
    del talk["conversation_parts"]
    (tmp_path / "conversations.json").write_text(json.dumps({"conversations": [talk]}))
    (tmp_path / "parts.jsonl").write_text(json.dumps({**part("comment", "Yes.", ADMIN), "conversation_id": 9}) + "\n")
    [source] = open_sources([tmp_path], tmp_path)
    assert source.shape.title == "Intercom conversations, only their first messages"
    assert texts(source) == ["Customer: Open today?\nAgent: Yes."]


def test_conversations_without_messages_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a.json: Intercom conversations without messages. Found no 'source' .* Export the conversations"):
        read(tmp_path, {"conversations": [{"type": "conversation", "id": "1", "waiting_since": None, "statistics": {}}]})


def test_a_report_is_refused_unless_it_holds_words(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Conversation ID,Conversation started at,Conversation state\n1,2024-05-01,closed\n")
    with pytest.raises(DataError, match=r"a.csv: an Intercom report, which holds no messages. Found 'Conversation started at', "):
        open_source(path)
    path.write_text("Conversation ID,Conversation started at,Rating remark\n1,2024-05-01,You were very quick\n")
    assert open_source(path).shape.reader == "generic"
