"""Salesforce: cases, e-mails, comments and chats, as objects of the data export or API and as reports."""

import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.people import Company, role_of
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, mapping, seconds, truth, words

_ROLES = {AGENT, BOT, CUSTOMER, NOTE, SYSTEM}
# What only Salesforce's cases have, by API name or by a report's label.
_MARKS = set(
    "isclosed isescalated suppliedemail suppliedname suppliedcompany contactid accountid ownerid systemmodstamp recordtypeid "
    "masterrecordid lastmodifiedbyid caseowner caseowneralias datetimeopened datetimeclosed caseorigin accountname contactname "
    "openeddate closeddate casereason caserecordtype caselastmodifieddate webemail webname parentcasenumber caseid escalated "
    "agehours age opened closed".split()
)
_CASE = ("parentid", "caseid", "casenumber", "relatedtoid")
_TIMES = ("messagedate", "commentcreateddate", "casecommentcreateddate", "createddate", "datetimecreated")
_OPENED = ("datetimeopened", "openeddate", "opened")
_PORTAL = {"cspliteportal", "customersuccess", "powercustomersuccess", "powerpartner", "guest", "csnonly", "selfservice"}
_SENT, _RECEIVED, _DRAFT = {"3", "sent"}, {"0", "1", "2", "new", "read", "replied", "unread"}, {"5", "draft"}
_ACTORS = {"enduser": CUSTOMER, "agent": AGENT, "bot": BOT, "chatbot": BOT, "system": SYSTEM, "supervisor": NOTE}
_COMMENTS = ("commentbody", "casecomments", "casecomment", "comments")
_AUTHORS = ("createdbyname", "creatorname", "commentcreatedby", "casecommentcreatedby", "createdby", "author", "commentauthor", "fullname")
_NAMED = "name: "  # before an author of whom nothing but the name is known
_WORDED = re.compile(r"feedback|review|transcript|message|verbatim|body|\btext\b|comment|complaint", re.IGNORECASE)
_CENTRED = re.compile(r"<(p|div)\s[^>]*align=['\"]?center['\"]?[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
# "( 1m 13s ) Ann:"
_OFFSET = re.compile(r"\(\s*(?:\d+\s*[dhms]\s*)+\)\s*(?=[^:<>\n]{1,80}:)")
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div)>", re.IGNORECASE)
_BOT = re.compile(r"\b(?:chat)?bot\b|virtual (?:agent|assistant)|einstein|agentforce", re.IGNORECASE)


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise an object by its API names, a report by its labels, a chat by how its transcript is written.

    Raises
    ------
    DataError
        If cases come without their descriptions.
    """
    known = {_plain(column): column for column in reversed(sample.columns)}
    for kind in (_chats, _entries, _emails, _comments, _cases, _people):
        if shape := kind(sample, known, options):
            return shape
    return None


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """Return an API name or a label without what tells them apart: "Case: Case Number" and "CaseNumber" are one."""
    return re.sub(r"[\W_]+", "", name.rsplit(":", 1)[-1].lower())


def _cells(told: Record) -> dict[str, Any]:
    """Return a row by plain names; a related record's fields by its name and theirs: "createdbyname"."""
    cells: dict[str, Any] = {}
    for name, cell in told.items():
        cells.setdefault(_plain(name), cell)
        if isinstance(cell, dict):
            cells.update({_plain(name + str(inner)): value for inner, value in cell.items()})
    return cells


def _first(cells: dict[str, Any], *names: str) -> str:
    return next((found for name in names if (found := ident(cells.get(name)))), "")


def _time(cells: dict[str, Any], names: tuple[str, ...] = _TIMES) -> float | None:
    return next((time for name in names if (time := seconds(cells.get(name))) is not None), None)


def _named(known: dict[str, str], *names: str) -> str:
    return next((known[name] for name in names if name in known), "")


def _holds(sample: Sample, known: dict[str, str], prefix: str) -> bool:
    """Tell whether the ids are those of an object: Salesforce begins them by its kind."""
    ids = [ident(row.get(known.get("id", ""))) for row in sample.rows]
    return bool(ids) and all(len(found) in (15, 18) and found.startswith(prefix) for found in ids)


def _rows(
    sample: Sample, known: dict[str, str], options: Options, title: str, uses: dict[str, str], messages: Any, settle: Any = None
) -> Shape:
    """Return the shape of a table whose rows are messages of cases."""
    column = options.id_column or _named(known, *_CASE, "conversationid") or _named(known, "id")

    def key(told: Record) -> str:
        return ident(told.get(column)) or _first(_cells(told), *_CASE, "id")

    # A report grouped by case names it in the first row of each group.
    fill = (column,) if _plain(column) == "casenumber" and any(not ident(row.get(column)) for row in sample.rows) else ()
    return Shape(title, {"id": column} | uses, messages=messages, id_column=column, key=key, settle=settle or _settle, fill=fill)


def _settle(told: Record, messages: list[Message]) -> list[Message]:
    """Tell by the case which authors, known by id or address, are the customer."""
    cells = _cells(told)
    ours = {_first(cells, name).lower() for name in ("contactid", "suppliedemail", "contactemail", "webemail", "email")}
    if re.search(r"web|portal|community|site|app", _first(cells, "origin", "caseorigin"), re.IGNORECASE):
        # Whoever opened it there is the customer, unless an agent did and kept it.
        ours |= {_first(cells, "createdbyid").lower()} - {_first(cells, "ownerid").lower()}
    first = min((m.time for m in messages if m.time is not None), default=None)
    # A report repeats the case in each row, often without its time.
    told_once = list(dict.fromkeys(m._replace(time=first if m.time is None else m.time) for m in messages))
    unknown = [m for m in told_once if m.speaker not in _ROLES]
    if not any(m.speaker == CUSTOMER or m.speaker.lower() in ours for m in told_once) and any("@" in m.speaker for m in unknown):
        ours.add(min(unknown, key=lambda m: m.time or 0.0).speaker.lower())
    return [m if m.speaker in _ROLES else m._replace(speaker=CUSTOMER if m.speaker.lower() in ours else AGENT) for m in told_once]


def _described(cells: dict[str, Any], times: tuple[str, ...] = _OPENED) -> Iterator[Message]:
    """Yield what a case itself says; its comments are internal."""
    if text := words(cells.get("description")).strip():
        yield Message(CUSTOMER, text, _time(cells, times))


def _cases(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    marks = [known[name] for name in known if name in _MARKS]
    is_case = "casenumber" in known and "casetitle" not in known and (marks or {"status", "subject"} & set(known))
    if not (is_case or _holds(sample, known, "500") or any(mapping(row.get("attributes")).get("type") == "Case" for row in sample.rows)):
        return None
    column = options.id_column or _named(known, "id", "caseid", "casenumber")
    nested = [name for name in known if name in ("emailmessages", "emails", "casecomments")]
    nested = [name for name in nested if any(mapping(row.get(known[name])) for row in sample.rows)]
    uses = {"id": column, "text": _named(known, "description"), "messages": _named(known, *nested)}
    uses = {role: name for role, name in uses.items() if name}
    if "description" not in known and not nested:
        _refuse_wordless(sample, known, len(marks))
        return None

    def messages(told: Record) -> list[Message]:
        cells = _cells(told)
        inner = [record for name in ("emailmessages", "emails") for record in _inner(cells.get(name))]
        comments = [message for record in _inner(cells.get("casecomments")) for message in _comment(record)]
        return [
            *_described(cells, (*_OPENED, "createddate")),
            *(message for record in inner for message in _email(record, options)),
            *comments,
        ]

    ids = [ident(row.get(column)) for row in sample.rows]
    if len(set(ids)) < len(ids) and "casenumber" in known and not nested:
        return _rows(sample, known, options, "Salesforce report of cases", {"text": uses["text"]}, messages)
    return Shape("Salesforce cases", uses, messages=messages, id_column=column, settle=_settle)


def _inner(value: Any) -> list[Record]:
    """Return the records of a subquery."""
    return listing(mapping(value).get("records")) or listing(value)


def _refuse_wordless(sample: Sample, known: dict[str, str], marks: int) -> None:
    """Raise DataError unless another column holds sentences."""
    for column in sample.columns:
        texts = [text for row in sample.rows if (text := words(row.get(column)).strip())]
        wordy = 2 if _WORDED.search(column) else 5
        if _plain(column) != "subject" and texts and sum(len(text.split()) for text in texts) >= wordy * len(texts):
            return
    if not marks:
        return
    found = ", ".join(repr(column) for column in sample.columns[:6])
    advice = "Add 'Description' to the report, or give Case.csv with EmailMessage.csv and CaseComment.csv of the data export."
    rest = f" Or judge the subjects: --text-column {known['subject']!r}." if "subject" in known else ""
    raise DataError(f"{sample.name}: Salesforce cases without descriptions. Found {found}. {advice}{rest}")


def _emails(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    if not {"textbody", "htmlbody"} & set(known) or not {*_CASE, "incoming", "isincoming"} & set(known):
        return None
    uses = {"text": _named(known, "textbody", "htmlbody")}
    if speaker := _named(known, "incoming", "isincoming", "fromaddress", "status"):
        uses["speaker"] = speaker

    def messages(told: Record) -> list[Message]:
        return [*_described(_cells(told)), *_email(told, options)]

    return _rows(sample, known, options, "Salesforce e-mails", uses, messages)


def _email(told: Record, options: Options) -> Iterator[Message]:
    cells = _cells(told)
    if truth(cells.get("isdeleted")):
        return
    text = words(cells.get("textbody"))
    yield Message(_sender(cells, options), text if text.strip() else words(cells.get("htmlbody")), _time(cells))


def _sender(cells: dict[str, Any], options: Options) -> str:
    """Return who wrote an e-mail: a role, or the address where only the case can tell."""
    status, address = _first(cells, "status", "emailstatus").lower(), _first(cells, "fromaddress", "fromemail")
    incoming = truth(_first(cells, "incoming", "isincoming"))
    if status in _DRAFT:
        return NOTE
    if from_agent(address, options):
        return AGENT
    if incoming is not None:
        return CUSTOMER if incoming else AGENT
    return AGENT if status in _SENT else CUSTOMER if status in _RECEIVED else address or AGENT


def _comments(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    text = _named(known, *_COMMENTS)
    # A case's own "Comments" are internal; in a report of comments others tell whose they are.
    marks = {"ispublished", "published", "public", "publiccasecomment", "commentcreatedby", "casecommentcreatedby", "commentcreateddate"}
    if not text or (_plain(text) != "commentbody" and not ("casenumber" in known and marks & set(known))):
        return None
    if any(mapping(row.get(text)) for row in sample.rows) or not {*_CASE} & set(known):
        return None

    def messages(told: Record) -> list[Message]:
        return [*_described(_cells(told)), *_comment(told)]

    return _rows(sample, known, options, "Salesforce comments", {"text": text}, messages, _by_names(sample, messages))


def _by_names(sample: Sample, messages: Callable[[Record], list[Message]]) -> Callable[[Record, list[Message]], list[Message]]:
    """Return what settles who is who where authors are known by their names alone."""
    company = Company()
    if any(m.speaker.startswith(_NAMED) for told in sample.rows for m in messages(told)):
        for told in sample.every_row():
            for message in messages(told):
                company.see(_first(_cells(told), *_CASE), message.speaker)

    def settle(told: Record, given: list[Message]) -> list[Message]:
        ordered = sorted(given, key=lambda m: m.time or 0.0)
        roles = company.roles([(m.speaker, m.text) for m in ordered if m.speaker.startswith(_NAMED)])
        if any(m.speaker == CUSTOMER for m in given) and len(roles) == 1:
            roles = dict.fromkeys(roles, AGENT)  # who answers the customer
        return _settle(told, [m._replace(speaker=roles.get(m.speaker, m.speaker)) for m in given])

    return settle


def _comment(told: Record) -> Iterator[Message]:
    cells = _cells(told)
    if not truth(cells.get("isdeleted")):
        text = next((found for name in _COMMENTS if (found := words(cells.get(name)))), "")
        yield Message(_author(cells), text, _time(cells))


def _author(cells: dict[str, Any]) -> str:
    """Return who wrote a comment: a role, or the user's id where only the case or a list of users can tell."""
    if truth(_first(cells, "ispublished", "published", "public", "publiccasecomment")) is False:
        return NOTE
    kind = _first(cells, "createdbyusertype", "usertype").lower()
    name = _first(cells, *_AUTHORS).lower()
    customer = _first(cells, "contactname", "suppliedname", "webname").lower()
    if kind in _PORTAL or _first(cells, "createdbycontactid") or (name and name == customer):
        return CUSTOMER
    if kind or (name and customer):
        return AGENT
    return role_of(name) or _NAMED + name if name else _first(cells, "createdbyid") or AGENT


def _entries(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    """Return the shape of the entries of messaging sessions, each a row or all in one."""
    actors = {_plain(_first(_cells(row), "actortype")) for row in sample.rows}
    if {"actortype", "message", "conversationid"} <= set(known) and ("entrytype" in known or "enduser" in actors):
        uses = {"text": known["message"], "speaker": known["actortype"]}
        return _rows(sample, known, options, "Salesforce messaging", uses, lambda told: [_entry(_cells(told))])
    column = known.get("conversationentries", "")
    if not any(listing(row.get(column)) for row in sample.rows):
        return None

    def messages(told: Record) -> list[Message]:
        return [_entry(_cells(entry)) for entry in listing(told.get(column))]

    return Shape("Salesforce messaging", {"messages": column}, messages=messages)


def _entry(cells: dict[str, Any]) -> Message:
    kind = _first(cells, "entrytype").lower()
    speaker = _ACTORS.get(_plain(_first(cells, "actortype", "senderrole")), SYSTEM)
    time = _time(cells, ("clienttimestamp", "entrytime", "createddate"))
    return Message(speaker if kind in ("", "text", "message") else SYSTEM, words(cells.get("message") or cells.get("messagetext")), time)


def _chats(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    """Return the shape of chat transcripts."""
    for column in sample.columns:
        texts = [text for row in sample.rows if (text := words(row.get(column)).strip())]
        chats = sum("Chat Started" in text[:200] or bool(_CENTRED.match(text) and _OFFSET.search(text)) for text in texts)
        if texts and chats * 2 > len(texts):
            name = options.id_column or _named(known, "id", "name", "chatkey", "livechattranscriptname", "chattranscriptname")
            uses = {"id": name, "text": column} if name else {"text": column}
            return Shape("Salesforce chats", uses, messages=lambda told, column=column: _chat(words(told.get(column))), id_column=name)  # type: ignore[misc]
    return None


def _chat(text: str) -> list[Message]:
    """Take a transcript apart: agents are those whom a line in the middle announces."""
    announced = [html.unescape(line[2]).strip() for line in _CENTRED.finditer(text)]
    head, *parts = _OFFSET.split(_CENTRED.sub("\x01", text))
    announced += re.findall(r"\bAgent .*", html.unescape(head))  # where the markup was lost
    said = []
    for part in parts:
        name, _, line = _BREAK.sub("\n", part.split("\x01")[0]).partition(":")
        said.append((html.unescape(name).strip(), html.unescape(line).strip()))
    agents = {name for name, _ in said if any(_announces(line, name) for line in announced)}
    if not agents and len({name for name, _ in said}) > 1:
        # The first to speak greets, unless that is the visitor.
        agents = {name for name, _ in said} - {"Visitor"} if any(name == "Visitor" for name, _ in said) else {said[0][0]}
    return [Message(BOT if _BOT.search(name) else AGENT if name in agents else CUSTOMER, line) for name, line in said]


def _announces(line: str, name: str) -> bool:
    return line.startswith(f"Agent {name}") or line.endswith(f" {name}") and line.startswith(("Chat Transferred", "Agent "))


def _people(sample: Sample, known: dict[str, str], options: Options) -> Shape | None:
    """Return the shape of a table of users, contacts or accounts."""
    del options
    if {"content", "body", "text", "message", "comment"} & set(known):
        return None  # people who say something
    if "username" in known and {"profileid", "usertype", "userroleid", "isactive"} & set(known) and "id" in known:
        return Shape("Salesforce users", people=_user)
    if {"lastname", "name"} & set(known) and (_holds(sample, known, "003") or _holds(sample, known, "001")):
        return Shape("Salesforce contacts", people=lambda told: (_first(_cells(told), "id"), CUSTOMER))
    return None


def _user(told: Record) -> tuple[str, str]:
    cells = _cells(told)
    kind = _first(cells, "usertype").lower()
    role = CUSTOMER if kind in _PORTAL or _first(cells, "contactid") else BOT if kind == "automatedprocess" else AGENT
    return _first(cells, "id"), role
