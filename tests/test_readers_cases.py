"""What the examples of Salesforce, Jira and the data sets of tickets cannot show."""

import csv
import json
from pathlib import Path

import pytest
from openpyxl import Workbook

from servicenlp.errors import DataError
from servicenlp.readers import Options, open_source, open_sources
from tests.test_exports import judged

ODD = [
    None,
    7,
    True,
    "",
    "x",
    [],
    [None],
    ["a"],
    {},
    {"a": None},
    {"records": [None, 3]},
    {"comments": [7, {}]},
    {"type": "doc", "content": 3},
]


@pytest.fixture
def write(tmp_path):
    def write(name: str, content) -> Path:
        path = tmp_path / name
        if name.endswith(".csv"):
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(content)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        (
            "report.csv",
            [["Case Number", "Case Owner", "Subject", "Status"], ["00001", "Tom Hale", "Boiler", "New"]],
            r"Salesforce cases without descriptions\. Found 'Case Number'.*Add 'Description'.*--text-column 'Subject'",
        ),
        (
            "Case.csv",
            [["Id", "CaseNumber", "IsClosed", "Status"], ["5003t00001aB1cDAAS", "1", "0", "New"]],
            r"Salesforce cases without descriptions\. Found 'Id'.*EmailMessage.csv",
        ),
        (
            "jira.csv",
            [["Summary", "Issue key", "Issue id", "Status"], ["Card reader", "HELP-1", "1", "Open"]],
            r"Jira issues without descriptions and comments\. Found 'Summary'.*--text-column 'Summary'",
        ),
        (
            "metrics.json",
            [{"ticket_id": 1, "reopens": 0, "replies": 2, "reply_time_in_minutes": {"calendar": 3}}],
            r"a Zendesk export without the tickets' words\. Found 'ticket_id'.*Export the tickets as JSON",
        ),
        (
            "ctr.json",
            {"AWSAccountId": "1", "Channel": "VOICE", "ContactId": "c", "Queue": {"Name": "q"}},
            r"Amazon Connect's contact records, which hold no words\..*Contact Lens",
        ),
        (
            "details.json",
            {"conversations": [{"conversationId": "c", "conversationStart": "2024-01-01", "participants": [{"purpose": "customer"}]}]},
            r"Genesys Cloud's conversation details, without words\..*transcripts",
        ),
        (
            "search.json",
            {"issues": [{"key": "A-1", "fields": {"summary": "Card reader", "issuetype": {"name": "Task"}}}]},
            r"Jira issues without words\. Found neither.*&fields=description,comment",
        ),
    ],
)
def test_exports_without_words_say_which_have_them(write, name, rows, message):
    with pytest.raises(DataError, match=message):
        open_source(write(name, rows))


def test_a_column_of_the_users_own_is_taken_where_descriptions_lack(write):
    header = ["Case Number", "Case Owner", "Customer Voice"]
    path = write("report.csv", [header, ["00001", "Tom Hale", "Nobody came to mend the boiler on Monday."]])
    assert judged(open_source(path)) == [[["customer", "Nobody came to mend the boiler on Monday."]]]


def test_cases_without_descriptions_are_joined_with_their_mails(write, tmp_path):
    case = write("Case.csv", [["Id", "CaseNumber", "IsClosed"], ["500A", "1", "0"], ["500B", "2", "0"]])
    mail = write("EmailMessage.csv", [["Id", "ParentId", "Incoming", "TextBody"], ["02s", "500A", "true", "It never came."]])
    assert [judged(source) for source in open_sources([case, mail], tmp_path)] == [[[["customer", "It never came."]], "no text"]]


@pytest.mark.parametrize(
    ("origin", "owner", "speaker"), [("Web", "005T", "customer"), ("Phone", "005T", "agent"), ("Customer Portal", "005A", "agent")]
)
def test_who_opened_a_case_on_the_web_is_the_customer(write, tmp_path, origin, owner, speaker):
    header = ["Id", "CaseNumber", "Origin", "OwnerId", "CreatedById", "Description", "CreatedDate"]
    case = write("Case.csv", [header, ["500A", "1", origin, owner, "005A", "It leaks.", "2026-01-01T00:00:00Z"]])
    header = ["Id", "ParentId", "CommentBody", "CreatedById", "CreatedDate"]
    comment = write("CaseComment.csv", [header, ["00a", "500A", "It stopped by itself.", "005A", "2026-01-02T00:00:00Z"]])
    (source,) = open_sources([case, comment], tmp_path)
    assert judged(source) == [[["customer", "It leaks."], [speaker, "It stopped by itself."]]]


def test_senders_of_the_agents_domain_are_agents(write):
    rows = [
        ["Id", "ParentId", "FromAddress", "TextBody"],
        ["1", "500A", "a@mail.example", "It leaks."],
        ["2", "500A", "b@shop.example", "Sorry."],
    ]
    source = open_source(write("EmailMessage.csv", rows), Options(agent_domains=("shop.example",)))
    assert judged(source)[0] == [["customer", "It leaks."], ["agent", "Sorry."]]


def test_a_chat_whose_markup_was_lost_is_read(write):
    text = "Chat Started: Monday, 09:00:00 (+0000) Chat Origin: Help Agent Tom H ( 10s ) Tom H: Hello. ( 1m 3s ) Ida: Hi, 2 ( 3s late )."
    source = open_source(write("chats.csv", [["Name", "Transcript"], ["1", text]]))
    assert judged(source) == [[["agent", "Hello."], ["customer", "Hi, 2 ( 3s late )."]]]


def test_a_grouped_report_of_a_workbook_is_read(tmp_path):
    book = Workbook()
    for row in [
        ["Cases with comments"], [], ["As of 2026-02-01"], [],
        [None, "Case Number  ↑", "Contact Name", "Description", "Comment Body", "Published", "Created By", "Created Date"],
        [None, "00001", "Ida Lund", "It leaks.", "We come on Monday.", 1, "Tom Hale", "1/2/2026 10:00 AM"],
        [None, None, "Ida Lund", "It leaks.", "Nobody came.", 1, "Ida Lund", "1/6/2026 10:00 AM"],
        [None, "Subtotal", 2],
        [None, "00002", "Bo Ness", "It hums.", None, None, None, None],
        [None, "Total", 3], [], [None, "Confidential Information - Do Not Distribute"],
    ]:  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "report.xlsx")
    source = open_source(tmp_path / "report.xlsx")
    talk = [["customer", "It leaks."], ["agent", "We come on Monday."], ["customer", "Nobody came."]]
    below = ["a line below the table"] * 3
    assert judged(source) == [talk, "part of the interaction in row 1", "no text", [["customer", "It hums."]], *below]
    assert "header in row 5" in source.form


def test_jira_keeps_the_order_of_days_that_could_be_months(write):
    rows = [["Summary", "Issue key", "Reporter", "Created", "Description", "Comment", "Comment"]]
    rows += [
        ["A", "HELP-1", "Ida", "12/06/2026 09:00", "It leaks.", "12/06/2026 10:00;Tom;On our way.", "13/06/2026 10:00;Ida;Nobody; came."]
    ]
    told = [["customer", "It leaks."], ["agent", "On our way."], ["customer", "Nobody; came."]]
    assert judged(open_source(write("jira.csv", rows))) == [told]


def test_jira_puts_newest_first_comments_in_order(write):
    rows = [["Summary", "Issue key", "Reporter", "Created", "Description", "Comment", "Comment"]]
    rows += [["A", "HELP-1", "Ida", "12/Jun/26 09:00", "It leaks.", "14/Jun/26 10:00;Ida;Nobody came.", "13/Jun/26 10:00;Tom;On our way."]]
    told = [["customer", "It leaks."], ["agent", "On our way."], ["customer", "Nobody came."]]
    assert judged(open_source(write("jira.csv", rows))) == [told]


def test_jira_in_a_language_unknown_is_known_by_its_keys_and_comments(write):
    rows = [["Pealkiri", "Key", "Reporter", "Description", "Märkus", "Märkus"]]
    rows += [["Arve", "ABI-1", "Mari", "It leaks.", "2026-01-06 09:00;Jaan;On our way.", "2026-01-07 09:00;Mari;Nobody came."]]
    told = [["customer", "It leaks."], ["agent", "On our way."], ["customer", "Nobody came."]]
    source = open_source(write("jira.csv", rows))
    assert source.shape.reader == "jira"
    assert judged(source) == [told]


@pytest.mark.parametrize(
    "rows",
    [
        [["key", "summary", "text"], ["AB-1", "Room 4", "The room was cold and dirty."]],
        [["Case Number", "Case Title", "Description"], ["CAS-1", "Room", "The room was cold and dirty."]],
        [["id", "body", "answer"], ["1", "The room was cold and dirty.", "yes"]],
        [["Description", "Resolution"], ["The room was cold and dirty.", "Heated."]],
        [["Id", "Comment", "Created"], ["1", "The room was cold and dirty.", "2026-01-01"]],
        [["Ticket ID", "Ticket Description"], ["1", "The room was cold and dirty."]],
    ],
)
def test_tables_of_others_are_left_alone(write, rows):
    assert open_source(write("a.csv", rows)).shape.reader not in ("salesforce", "jira", "support_tickets")


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    "row",
    [
        {"CaseNumber": 1, "Id": 1, "Description": 1, "CreatedDate": 1, "EmailMessages": 1, "CaseComments": 1, "Contact": 1, "Origin": 1},
        {"Id": 1, "ParentId": 1, "TextBody": 1, "HtmlBody": 1, "Incoming": 1, "FromAddress": 1, "MessageDate": 1, "Status": 1},
        {"Id": 1, "ParentId": 1, "CommentBody": 1, "IsPublished": 1, "CreatedById": 1, "CreatedBy": 1},
        {"ConversationId": 1, "ActorType": 1, "Message": 1, "EntryTime": 1, "EntryType": 1},
        {
            "key": 1,
            "fields": {"summary": 1, "description": 1, "reporter": 1, "created": 1, "comment": {"comments": [{"author": 1, "body": 1}]}},
        },
        {"key": 1, "fields": {"summary": 1, "description": 1, "comment": 1}},
        {"issueKey": 1, "requestFieldValues": [{"fieldId": "description", "value": 1}], "comments": 1, "reporter": 1},
        {"Issue key": 1, "Summary": 1, "Description": 1, "Comment": 1, "Reporter": 1, "Created": 1},
        {"Ticket ID": 1, "Ticket Description": 1, "Resolution": 1, "Ticket Subject": 1, "Ticket Type": 1, "Product Purchased": 1},
    ],
    ids=lambda row: " ".join(row)[:40],
)
def test_odd_values_never_raise(write, row, odd):
    def with_odd(value):
        return (
            {k: with_odd(v) for k, v in value.items()}
            if isinstance(value, dict)
            else [with_odd(v) for v in value]
            if isinstance(value, list)
            else odd
        )

    told = {k: with_odd(v) if isinstance(v, dict | list) else v for k, v in row.items()}
    alone = [{**row, name: odd} for name in row]
    try:
        source = open_source(write("a.json", [told, with_odd(row), *alone]))
    except DataError:
        return
    assert len(judged(source)) == source.table.n_rows
