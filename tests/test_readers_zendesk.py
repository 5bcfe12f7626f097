import json

import pytest
from test_exports import judged

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.readers import open_source, open_sources

DAY = "2024-01-01T08:00:00Z"
TICKETS = [
    {"id": 1, "subject": "Lid", "description": "The lid broke.", "requester_id": 5, "submitter_id": 5, "assignee_id": 6, "created_at": DAY},
    {"id": 2, "subject": "Cup", "description": "Called back.", "requester_id": 7, "submitter_id": 6, "assignee_id": 6, "created_at": DAY},
]
COMMENTS = (
    "ticket_id,author_id,body,public,created_at\n"
    "1,8,We will replace it.,true,2024-01-02T08:00:00Z\n"
    "1,5,The lid broke.,true,2024-01-01T08:00:00Z\n"
    "2,6,Called back.,false,2024-01-01T08:00:00Z\n"
    "2,9,I never got a call.,true,2024-01-03T08:00:00Z\n"
)
USERS = (
    "id,name,email,role,organization_id\n5,Ann,a@x.example,end-user,\n6,Ben,b@y.example,agent,\n"
    "8,Cy,c@y.example,admin,\n9,Dee,d@x.example,end-user,\n"
)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_comments_of_another_table_are_joined_and_the_requester_is_the_customer(write, tmp_path):
    paths = [write("tickets.json", TICKETS), write("comments.csv", COMMENTS)]
    (source,) = open_sources(paths, tmp_path / "unpacked")
    assert source.shape.reader == "zendesk"
    assert judged(source) == [[["customer", "The lid broke."], ["agent", "We will replace it."]], "no customer words"]


def test_a_table_of_users_tells_the_roles(write, tmp_path):
    paths = [write("users.csv", USERS), write("comments.csv", COMMENTS), write("tickets.json", TICKETS)]
    (source,) = open_sources(paths, tmp_path / "unpacked")
    assert judged(source) == [[["customer", "The lid broke."], ["agent", "We will replace it."]], [["customer", "I never got a call."]]]


def test_comments_beside_the_tickets_are_joined(write):
    comments = [{"ticket_id": 1, "author_id": 8, "body": "We will replace it.", "created_at": "2024-01-02T08:00:00Z"}]
    source = open_source(write("export.json", {"tickets": TICKETS, "comments": comments}))
    assert judged(source)[0] == [["customer", "The lid broke."], ["agent", "We will replace it."]]


def test_a_table_of_users_alone_is_refused(write, tmp_path):
    with pytest.raises(DataError, match=r"users.csv: a list of people, who say nothing\. Found 'id', .* Give it together with"):
        open_source(write("users.csv", USERS))
    with pytest.raises(DataError, match=r"a list of people"):
        open_sources([write("users.csv", USERS)], tmp_path / "unpacked")


def test_audits_hold_comments(write):
    said = {"type": "Comment", "body": "It broke.", "public": True}
    audits = [
        {"id": 1, "ticket_id": 1, "author_id": 5, "created_at": DAY, "events": [said, {"type": "Create"}]},
        {"id": 2, "ticket_id": 1, "author_id": 6, "created_at": DAY, "events": [said | {"body": "Sorry!"}]},
    ]
    source = open_source(write("audits.json", audits))
    assert judged(source) == [[["customer", "It broke."], ["agent", "Sorry!"]], "part of the interaction in row 1"]


def test_ratings_are_the_customers_words(write):
    rows = [{"id": 1, "ticket_id": 4, "score": "bad", "comment": "Three weeks!", "requester_id": 3, "assignee_id": 2}]
    assert judged(open_source(write("ratings.json", rows))) == [[["customer", "Three weeks!"]]]


def test_domains_of_agents_tell_the_roles(write):
    rows = (
        "ticket_id,author_id,author_email,body,public\n"
        "1,1,ann@shop.example,Your parcel is lost.,true\n1,2,bo@home.example,Thanks for nothing.,true\n"
    )
    source = open_source(write("comments.csv", rows), Options(agent_domains=("shop.example",)))
    assert judged(source)[0] == [["agent", "Your parcel is lost."], ["customer", "Thanks for nothing."]]


@pytest.mark.parametrize(
    "content",
    [
        "Id,Subject,Requester,Requested,Assignee\n1,Where is my new lamp,Ann,2024-01-01,Ben\n",
        "Summation column,Id,Requester,Subject,Satisfaction Score,Reopens\n1,7,Ann,The lamp does not glow,Not Offered,0\n",
        "Ticket ID,Ticket subject,Ticket created - Date,Tickets\n1,The lamp does not glow,2024-01-01,1\n",
    ],
)
def test_exports_without_words_are_refused(write, content):
    message = r"a.csv: a Zendesk export without the tickets' words\. Found .* Export the tickets as JSON .* --text-column '.*ubject'\.$"
    with pytest.raises(DataError, match=message):
        open_source(write("a.csv", content))


def test_tickets_without_words_are_refused(write):
    rows = [{name: cell for name, cell in ticket.items() if name != "description"} for ticket in TICKETS]
    with pytest.raises(DataError, match=r"a.json: a Zendesk export without the tickets' words"):
        open_source(write("a.json", rows))


def test_a_report_with_a_column_of_words_is_any_table(write):
    content = "Id,Subject,Requester,Requested,What happened\n1,Lamp,Ann,2024-01-01,The lamp does not glow any more\n"
    source = open_source(write("a.csv", content))
    assert (source.shape.reader, source.shape.text_column) == ("generic", "What happened")


def test_a_report_with_rating_comments_is_read(write):
    content = "Id,Subject,Requester,Requested,Satisfaction Score,Satisfaction Comment\n1,Lamp,Ann,2024,Good,Very kind\n2,Lamp,Bo,2024,-,\n"
    assert judged(open_source(write("a.csv", content))) == [[["customer", "Very kind"]], "no text"]


@pytest.mark.parametrize("odd", [None, 7, "text", [None], [7], {"a": 1}, True, ["x"], "[1", {"comments": None}])
def test_odd_types_are_no_messages(write, odd):
    names = "comments satisfaction_rating via requester users is_public created_at audits assignee_id requester_id id".split()
    comment = dict.fromkeys(["author_id", "body", "via", "author", "public", "created_at"], odd)
    rows = [TICKETS[0], *({**TICKETS[0], name: odd} for name in names), {"id": 4, "comments": [comment]}]
    found = judged(open_source(write("a.json", rows)))
    assert found[0] == [["customer", "The lid broke."]]
    assert len(found) == len(rows)


def test_a_ticket_of_its_own_is_one_interaction(write):
    document = {
        "ticket": TICKETS[0],
        "comments": [{"author_id": 6, "body": "Sorry!", "public": True, "created_at": "2024-01-01T09:00:00Z"}],
    }
    assert judged(open_source(write("a.json", document))) == [[["customer", "The lid broke."], ["agent", "Sorry!"]]]


def test_lines_of_an_array_cut_short_are_read(write):
    lines = "[\n" + "".join(json.dumps(ticket) + ",\n" for ticket in TICKETS)
    assert judged(open_source(write("a.jsonl", lines))) == [[["customer", "The lid broke."]], "only agent messages"]
