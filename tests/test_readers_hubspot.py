import json

import openpyxl
import pytest

from servicenlp.errors import DataError
from servicenlp.readers import Options, open_source, open_sources


def message(kind="MESSAGE", actor="V-1", direction="INCOMING", text="Yes.", **more) -> dict:
    return {
        "id": "m",
        "type": kind,
        "conversationsThreadId": "7",
        "senders": [{"actorId": actor}],
        "direction": direction,
        "text": text,
        **more,
    }


FIRST = message(text="Open today?", createdAt="2024-05-01T08:00:00Z")


def read(tmp_path, document, options=None):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    return open_source(path, options)


def texts(source) -> list:
    return [text for batch in source.batches(100) for i, text in enumerate(batch.texts) if i not in batch.problems]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (message(actor="A-2", direction="OUTGOING"), "Customer: Open today?\nAgent: Yes."),
        (message(actor="A-2", direction=None), "Customer: Open today?\nAgent: Yes."),
        (message(actor="B-2", direction="OUTGOING"), "Open today?"),
        (message(actor="L-2", direction="OUTGOING"), "Open today?"),
        (message(kind="COMMENT", actor="A-2"), "Open today?"),
        (message(kind="ASSIGNMENT", actor="A-2"), "Open today?"),
        (message(senders=[{"actorId": "actor_1", "type": "AGENT"}], direction=None), "Customer: Open today?\nAgent: Yes."),
        (message(senders=None, createdBy="A-2", direction=None), "Customer: Open today?\nAgent: Yes."),
        (message(senders=[None], direction=None), "Customer: Open today?\nCustomer: Yes."),
        (message(text=" ", richText="<p>Yes.</p>"), "Customer: Open today?\nCustomer: Yes."),
        (message(text=None), "Open today?"),
    ],
)
def test_speakers_are_told_by_type_sender_and_direction(tmp_path, told, said):
    assert texts(read(tmp_path, {"results": [FIRST, told]})) == [said]


def test_colleagues_who_write_by_mail_are_agents(tmp_path):
    mail = message(senders=[{"actorId": "E-x", "deliveryIdentifier": {"type": "HS_EMAIL_ADDRESS", "value": "eve@shop.example"}}])
    assert texts(read(tmp_path, [FIRST, mail], Options(agent_domains=("shop.example",)))) == ["Customer: Open today?\nAgent: Yes."]


def test_messages_without_threads_are_one_thread(tmp_path):
    rows = [
        {key: cell for key, cell in one.items() if key != "conversationsThreadId"}
        for one in (FIRST, message(truncationStatus="NOT_TRUNCATED"))
    ]
    assert texts(read(tmp_path, {"results": rows})) == ["Customer: Open today?\nCustomer: Yes."]


def test_pages_of_a_thread_are_put_together(tmp_path):
    source = read(tmp_path, [{"results": [message()], "paging": {}}, {"results": [FIRST]}])
    assert texts(source) == ["Customer: Yes.\nCustomer: Open today?"]  # one has no time


def test_cut_messages_are_mentioned(tmp_path):
    assert read(tmp_path, [message(truncationStatus="TRUNCATED")]).shape.title == "HubSpot messages, some cut short by HubSpot"


def test_connectors_may_rename_fields(tmp_path):
    row = {"conversations_thread_id": "7", "type": "COMMENT", "rich_text": "<p>Hm</p>", "created_at": "2024-05-01"}
    assert texts(read(tmp_path, [row, {**row, "type": "MESSAGE", "rich_text": "<p>Open today?</p>"}])) == ["Open today?"]


def test_messages_are_joined_to_threads(tmp_path):
    threads = [{"id": "7", "status": "OPEN", "originalChannelId": "1", "inboxId": "2", "associatedContactId": "3"}]
    (tmp_path / "messages.json").write_text(json.dumps({"results": [FIRST]}))
    (tmp_path / "threads.json").write_text(json.dumps({"results": threads}))
    [source] = open_sources([tmp_path], tmp_path)
    assert texts(source) == ["Open today?"]
    with pytest.raises(DataError, match=r"HubSpot threads without their messages. Found 'inboxId' and no 'text'. Ask "):
        open_source(tmp_path / "threads.json")


def test_a_workbook_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Erstellt am", "Datensatz-ID", "Ticket-Beschreibung", "Ticketname", "Pipeline"])
    book.active.append(["2024-05-01", 12, "Die Lampe flackert.", "Lampe, die ich am Montag gekauft habe", "Support"])
    book.save(tmp_path / "a.xlsx")
    source = open_source(tmp_path / "a.xlsx")
    assert (source.shape.reader, source.shape.uses) == ("hubspot", {"id": "Datensatz-ID", "text": "Ticket-Beschreibung"})


@pytest.mark.parametrize(
    "header", ["Ticket ID,Ticket name,Pipeline,Ticket status", "ID rekordu,Nazwa zgłoszenia,Pipeline,Status zgłoszenia"]
)
def test_tickets_without_descriptions_are_refused(tmp_path, header):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,Lamp,Support,New\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"a.csv: HubSpot tickets without descriptions. Found '.*'. Export .* 'Ticket description' .*--text-column"
    ):
        open_source(path)


def test_properties_without_content_are_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"HubSpot tickets without descriptions. Found properties without 'content'. Ask .*subject,content."
    ):
        read(tmp_path, {"results": [{"id": "1", "properties": {"subject": "Lamp", "hs_pipeline_stage": "1"}}]})


@pytest.mark.parametrize(
    "header",
    ["Ticket ID,Ticket Subject,Ticket Description,Ticket Status", "Ticket name,Text", "Pipeline,Text", "id,content,subject"],
)
def test_other_tickets_are_left_alone(tmp_path, header):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{','.join(['My lamp flickers'] * (header.count(',') + 1))}\n")
    assert open_source(path).shape.reader != "hubspot"
