"""Zendesk: tickets with comments, as JSON export, API documents or CSV, and tables of comments, ratings and users."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.preprocessing import plain
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, mapping, seconds, truth, words
from servicenlp.readers.zendesk_reports import FEEDBACK, PEOPLE, recognise_report, wordless

_ROLES = {"end-user": CUSTOMER, "end_user": CUSTOMER, "agent": AGENT, "admin": AGENT, "light_agent": AGENT, "light agent": AGENT}
_SPOKEN = {CUSTOMER, AGENT, BOT, SYSTEM, NOTE}
_TICKET = set(
    "submitter_id assignee_id raw_subject brand_id ticket_form_id satisfaction_rating satisfaction_rating.score via via.channel "
    "has_incidents collaborator_ids follower_ids followup_ids generated_timestamp email_cc_ids sharing_agreement_ids".split()
)
_COMMENT = {"public", "html_body", "plain_body", "audit_id", "via", "via.channel", "via_channel", "is_public", "author_role"}
_USER = {
    "organization_id",
    "default_group_id",
    "verified",
    "suspended",
    "ticket_restriction",
    "user_fields",
    "custom_role_id",
    "shared_agent",
}
_CHAT = re.compile(r"^\((\d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?)\) +(?:(\*\*\*)|([^:\n]{1,60}): ?)", re.IGNORECASE | re.MULTILINE)


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take Zendesk's tickets, comments, ratings or users.

    Raises
    ------
    DataError
        If it is an export of tickets without their words.
    """
    columns = {_name(column): column for column in reversed(sample.columns)}
    names = set(columns) | {name for row in sample.rows for name in _fields(row)}
    tickets = _Tickets(options, *_people(sample.beside, *map(_fields, sample.rows)), _beside(sample))
    if _is_users(names, sample):
        return Shape("Zendesk users", _uses(columns, id="id", role="role"), people=_person)
    body = next((name for name in ("body", "plain_body", "html_body") if name in names), None)
    if body and {"ticket_id", "author_id"} <= names and names & _COMMENT:
        uses = _uses(columns, id="ticket_id", author="author_id", text=body)
        return Shape("Zendesk comments", uses, messages=tickets.comment, key=_ticket_id, settle=tickets.settle)
    if {"ticket_id", "events", "author_id"} <= names:
        uses = _uses(columns, id="ticket_id", text="events")
        return Shape("Zendesk ticket audits", uses, messages=tickets.audit, key=_ticket_id, settle=tickets.settle)
    if {"ticket_id", "score", "comment"} <= names and names & {"requester_id", "assignee_id", "reason_id"}:
        return Shape("Zendesk satisfaction ratings", _uses(columns, id="ticket_id", text="comment"), messages=_rating, key=_ticket_id)
    if {"ticket_id", "reopens", "replies"} <= names and names & {"reply_time_in_minutes", "group_stations"}:
        raise wordless(sample)
    if not _is_tickets(names, sample):
        return recognise_report(sample, columns, options)
    text = [name for name in ("comments", "audits", "description", *FEEDBACK) if name in names]
    if not text and not tickets.beside:
        raise wordless(sample)
    uses = _uses(columns, id="id") | {"text": ", ".join(columns.get(name, name) for name in text[:2])}
    id_column = options.id_column or columns.get("id") or columns.get("ticket_id") or ""
    return Shape("Zendesk tickets", uses, messages=tickets.messages, id_column=id_column, settle=tickets.settle)


@dataclass
class _Tickets:
    """Tells the messages of tickets, and who wrote them.

    Attributes
    ----------
    options : Options
        Of the user.
    roles : dict of str to str
        Of users by id.
    names : dict of str to str
        The roles of users by name.
    beside : dict of str to list
        Comments by ticket that stand beside the tickets.
    """

    options: Options
    roles: dict[str, str]
    names: dict[str, str]
    beside: dict[str, list[Record]] = field(default_factory=dict)

    def messages(self, row: Record) -> Iterator[Message]:
        """Tell a ticket's description, comments and the comment on its rating."""
        told = _fields(row)
        text = words(told.get("description"))
        if text.strip():
            created = seconds(told.get("created_at"))
            yield Message(self._describer(told), text, -math.inf if created is None else created)
        for comment in [*_nested(told), *self.beside.get(ident(told.get("id")), [])]:
            yield self._message(_fields(comment), told)
        rating = mapping(told.get("satisfaction_rating"))
        for feedback in (rating.get("comment"), *(told.get(name) for name in FEEDBACK)):
            if words(feedback).strip():
                yield Message(CUSTOMER, words(feedback), math.inf)

    def comment(self, row: Record) -> Iterator[Message]:
        """Tell a comment that is a row."""
        told = _fields(row)
        yield self._message(told, told)

    def audit(self, row: Record) -> Iterator[Message]:
        """Tell the comments among an audit's events."""
        told = _fields(row)
        for comment in _events(told):
            yield self._message(comment, told)

    def settle(self, row: Record, messages: list[Message]) -> list[Message]:
        """Name the authors who are known by id: the requester is the customer, or else the first one."""
        told = _fields(row)
        described = _letters(words(told.get("description")))
        if all(message.time is not None for message in messages):
            messages = sorted(messages, key=lambda message: message.time or 0.0)
        first = messages[0] if messages else None
        if first and described and _letters(first.text) == described:
            if any(_same(described, _letters(message.text)) for message in messages[1:]):
                messages = messages[1:]  # the comment that it repeats knows its author and whether it was public
            elif first.speaker not in _SPOKEN:
                assigned = first.speaker == _person_id(told, "assignee")
                messages[0] = first._replace(speaker=AGENT if assigned else CUSTOMER)
        customer = _person_id(told, "requester")
        if not customer and not any(message.speaker == CUSTOMER for message in messages):
            customer = next((message.speaker for message in messages if message.speaker not in _SPOKEN), "")
        named = [m if m.speaker in _SPOKEN else m._replace(speaker=CUSTOMER if m.speaker == customer else AGENT) for m in messages]
        return [line for message in named for line in self._lines(message, told)]

    def _message(self, comment: Record, told: Record) -> Message:
        text = next(
            (words(comment.get(name)) for name in ("body", "plain_body", "html_body", "value") if words(comment.get(name)).strip()), ""
        )
        if not text and words(comment.get("type")) == "VoiceComment":
            text = words(mapping(comment.get("data")).get("transcription_text"))
        return Message(self._speaker(comment, told), text, seconds(comment.get("created_at")))

    def _speaker(self, comment: Record, told: Record) -> str:
        """Return a comment's role, or its author's id if only the ticket tells."""
        public = next((truth(comment[name]) for name in ("public", "is_public") if comment.get(name) is not None), None)
        if public is False:
            return NOTE
        via = mapping(comment.get("via"))
        channel = words(via.get("channel") or comment.get("via.channel") or comment.get("via_channel")).lower()
        author = mapping(comment.get("author"))
        number = ident(comment.get("author_id")) or ident(author.get("id"))
        if channel.startswith("answer_bot") or channel in ("bot", "ai_agent"):
            return BOT
        if number in ("-1", "0") or channel in ("rule", "system", "trigger", "automation") or words(comment.get("type")) == "VoiceComment":
            return CUSTOMER if mapping(comment.get("data")).get("transcription_text") else SYSTEM
        told_role = author.get("role") or comment.get("author.role") or comment.get("author_role") or comment.get("role")
        if role := _ROLES.get(words(told_role).lower()) or self.roles.get(number) or _people(told)[0].get(number):
            return role
        source = mapping(mapping(via.get("source")).get("from")).get("address")
        address = words(author.get("email") or comment.get("author.email") or comment.get("author_email") or source)
        if "@" in address and self.options.agent_domains:
            return AGENT if from_agent(address, self.options) else CUSTOMER
        if "@" in address and not number:
            return CUSTOMER if address.lower() == _address(told) else address
        return number or words(author.get("name") or comment.get("author") or comment.get("author_name"))

    def _describer(self, told: Record) -> str:
        """Return who wrote the description: who submitted the ticket."""
        if truth(told.get("is_public")) is False:
            return NOTE
        author, requester = _person_id(told, "submitter"), _person_id(told, "requester")
        return self.roles.get(author) or (CUSTOMER if author in ("", requester) else author)

    def _lines(self, message: Message, told: Record) -> Iterator[Message]:
        """Split a comment that holds a whole chat."""
        marks = list(_CHAT.finditer(message.text))
        if len(marks) < 2 or message.speaker == NOTE:
            yield message
            return
        text = plain(message.text)
        marks = list(_CHAT.finditer(text)) or marks
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        named = {name: self._in_chat(name, told) for name in dict.fromkeys(mark[3] for mark in marks if mark[3])}
        if CUSTOMER not in named.values():
            visitor = next((name for name, role in named.items() if role is None), None)
            named |= {visitor: CUSTOMER} if visitor else {}
        for i, (mark, end) in enumerate(zip(marks, ends, strict=True)):
            time = None if message.time is None else message.time + i / 1e4
            yield Message(SYSTEM if mark[2] else named[mark[3]] or AGENT, text[mark.end() : end].strip(), time)

    def _in_chat(self, name: str, told: Record) -> str | None:
        known = name.strip().lower()
        if re.search(r"\bbot\b", known):
            return BOT
        if known == _person_name(told, "requester") or re.match(r"(?:visitor|customer|end user)\b", known):
            return CUSTOMER
        return AGENT if known == _person_name(told, "assignee") else self.names.get(known)


@lru_cache(maxsize=4096)
def _name(column: str) -> str:
    return column.strip().lower().replace(" ", "_")


def _fields(row: Record) -> Record:
    """Return a row by its names in the API's spelling, without the wrapping of a ticket."""
    told = {_name(name): cell for name, cell in row.items()}
    inner = mapping(told.get("ticket"))
    return told | {_name(name): cell for name, cell in inner.items()} if inner else told


def _uses(columns: dict[str, str], **names: str) -> dict[str, str]:
    return {role: columns[name] for role, name in names.items() if name in columns}


def _ticket_id(row: Record) -> str:
    return ident(_fields(row).get("ticket_id"))


def _rating(row: Record) -> Iterator[Message]:
    told = _fields(row)
    yield Message(CUSTOMER, words(told.get("comment")), seconds(told.get("updated_at") or told.get("created_at")))


def _person(row: Record) -> tuple[str, str]:
    told = _fields(row)
    return ident(told.get("id")), _ROLES.get(words(told.get("role")).lower(), "")


def _person_id(told: Record, who: str) -> str:
    return ident(told.get(f"{who}_id")) or ident(mapping(told.get(who)).get("id")) or ident(told.get(f"{who}.id"))


def _person_name(told: Record, who: str) -> str:
    person = told.get(who)
    name = mapping(person).get("name") or told.get(f"{who}.name") or told.get(f"{who}_name") or person
    return words(name).strip().lower()


def _address(told: Record) -> str:
    requester = mapping(told.get("requester"))
    return words(requester.get("email") or told.get("requester.email") or told.get("requester_email")).lower()


def _nested(told: Record) -> list[Record]:
    """Return the comments within a ticket."""
    comments = listing(told.get("comments")) or listing(mapping(told.get("comments")).get("comments"))
    return comments or [event for audit in listing(told.get("audits")) for event in _events(audit)]


def _events(audit: Record) -> list[Record]:
    """Return the comments among an audit's events, each with its author and time."""
    around = {name: audit.get(name) for name in ("author_id", "created_at", "via")}
    return [around | event for event in listing(audit.get("events")) if words(event.get("type")).endswith("Comment")]


def _people(*places: Record) -> tuple[dict[str, str], dict[str, str]]:
    """Return the roles of the users that stand in some rows or documents, by id and by name."""
    users = [user for place in places for user in listing(place.get("users"))]
    users += [mapping(place.get(who)) for place in places for who in PEOPLE]
    known = [(user, _ROLES[role]) for user in users if (role := words(user.get("role")).lower()) in _ROLES]
    return {ident(user.get("id")): role for user, role in known}, {words(user.get("name")).lower(): role for user, role in known}


def _beside(sample: Sample) -> dict[str, list[Record]]:
    """Return the comments that stand beside the tickets."""
    found: dict[str, list[Record]] = {}
    for name in ("comments", "ticket_comments"):
        for comment in listing(sample.beside.get(name)):
            found.setdefault(ident(comment.get("ticket_id")), []).append(comment)
        for key, comments in mapping(sample.beside.get(name)).items():
            found.setdefault(ident(key), []).extend(listing(comments))
    return found


def _is_users(names: set[str], sample: Sample) -> bool:
    if not {"id", "role"} <= names or names & {"ticket_id", "subject", "body"} or not names & _USER:
        return False
    return any(words(_fields(row).get("role")).lower() in _ROLES for row in sample.rows)


def _is_tickets(names: set[str], sample: Sample) -> bool:
    if names & {"responder_id", "fr_due_by"}:
        return False  # Freshdesk's
    told = [_fields(row) for row in sample.rows]
    if any("author_id" in comment or "html_body" in comment for row in told for comment in _nested(row)):
        return True
    return bool(names & {"requester_id", "requester.id"} and len(names & _TICKET) >= 2 and not {"requester", "summation_column"} <= names)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, plain(text).casefold()))


def _same(one: str, other: str) -> bool:
    """Tell whether two texts are the same but for what one leaves off at its end."""
    short, long = sorted((one, other), key=len)
    return short == long or (len(short) >= 40 and long.startswith(short))
