import json
from pathlib import Path

import pytest
from test_exports import judged

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.readers import open_source, open_sources

EXPORTS = Path(__file__).parent / "exports" / "freshdesk"
TICKET = {"id": 1, "subject": "Gate", "requester_id": 5, "responder_id": 6, "fr_due_by": None, "description_text": "The gate is stuck."}
METRICS = (
    "Ticket ID,Subject,Status,Agent,Created time,Due by Time,Agent interactions,Customer interactions\n1,The gate is stuck,Open,Al,,,1,1\n"
)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_an_export_of_metrics_alone_is_refused(write):
    message = (
        r"a.csv: a Freshdesk export without the tickets' words\. Found 'Ticket ID', .* field Description, .* --text-column 'Subject'\.$"
    )
    with pytest.raises(DataError, match=message):
        open_source(write("a.csv", METRICS))


def test_an_export_of_freshservice_metrics_is_refused(write):
    content = METRICS.replace("Created time", "Requester Name").replace("Status", "Urgency")
    with pytest.raises(DataError, match=r"a.csv: a Freshservice export without the tickets' words"):
        open_source(write("a.csv", content))


def test_tickets_of_the_api_without_descriptions_are_refused(write):
    with pytest.raises(DataError, match=r"a Freshdesk export without the tickets' words\. .* from the API"):
        open_source(write("a.json", [{name: cell for name, cell in TICKET.items() if name != "description_text"}]))


def test_a_column_of_words_of_ones_own_is_any_table(write):
    content = METRICS.replace("Subject,", "Subject,What they told us,").replace("stuck,Open", "stuck,It has not opened since Friday,Open")
    source = open_source(write("a.csv", content))
    assert (source.shape.reader, source.shape.text_column) == ("generic", "What they told us")


@pytest.mark.parametrize("metrics", [METRICS, METRICS.replace("Status", "Description").replace("Open", "It is stuck.")])
def test_conversations_of_another_table_are_joined(write, tmp_path, metrics):
    paths = [write("tickets.csv", metrics), EXPORTS / "conversations.csv"]
    source, _ = open_sources(paths, tmp_path / "unpacked")  # the second one is of tickets that are not in the first
    told = [["customer", "It is stuck."]] * ("Description" in metrics)
    assert judged(source) == [[*told, ["customer", "The shed is locked."], ["agent", "We opened the shed."]]]


def test_conversations_beside_the_tickets_are_joined(write):
    conversations = {"1": [{"user_id": 6, "body": "<p>Oiled it.</p>", "incoming": False, "private": False}]}
    source = open_source(write("a.json", {"tickets": [TICKET], "conversations": conversations}))
    assert judged(source) == [[["customer", "The gate is stuck."], ["agent", "Oiled it."]]]


def test_feedback_is_the_customers_words(write):
    rows = [{"id": 3, "ticket_id": 1, "user_id": 5, "agent_id": 6, "feedback": "Too slow", "ratings": {"default_question": -103}}]
    assert judged(open_source(write("a.json", rows))) == [[["customer", "Too slow"]]]


def test_writers_are_known_by_id_or_address_where_no_flag_tells(write):
    said = [
        {"user_id": 6, "body": "Which gate?"},
        {"user_id": 5, "body": "The north one."},
        {"user_id": 7, "body": "On my way."},
        {"from_email": "al@shop.example", "body": "Done.", "incoming": True},
        {"from_email": "eve@home.example", "body": "Thanks."},
    ]
    row = TICKET | {"email": "eve@home.example", "conversations": said}
    source = open_source(write("a.json", [row]), Options(agent_domains=("shop.example",)))
    assert [speaker for speaker, _ in judged(source)[0]] == ["customer", "agent", "customer", "agent", "agent", "customer"]


@pytest.mark.parametrize("odd", [None, 7, "text", [None], [7], {"a": 1}, True, ["x"], "[1", {"conversations": None}])
def test_odd_types_are_no_messages(write, odd):
    names = "conversations notes requester source created_at requester_id responder_id id description".split()
    said = dict.fromkeys(["user_id", "body", "incoming", "private", "source", "from_email", "created_at"], odd)
    rows = [TICKET, *({**TICKET, name: odd} for name in names), {"id": 4, "conversations": [said]}]
    found = judged(open_source(write("a.json", rows)))
    assert found[0] == [["customer", "The gate is stuck."]]
    assert len(found) == len(rows)
