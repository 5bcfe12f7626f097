"""Intercom: conversations and tickets of its API, their parts, and IntercomExport's messages."""

from collections.abc import Iterator
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, lowered, mapping, seconds, truth, words

_SPEAKERS = {
    **dict.fromkeys(("user", "lead", "contact", "visitor", "customer"), CUSTOMER),
    **dict.fromkeys(("admin", "team", "teammate", "agent"), AGENT),
    **dict.fromkeys(("bot", "operator", "ai_agent", "fin"), BOT),
}
# What an agent's part is if it holds words: an agent may reply and close (or snooze) in one go.
_SPOKEN = {"", "comment", "quick_reply", "conversation_message", "assignment", "assign_and_reopen", "open", "close", "snoozed", "unsnoozed"}
# Sent to many at once, though under an agent's name.
_AUTOMATED = {"automated", "campaigns_initiated", "operator_initiated"}
_INTERNAL_TICKETS = {"back-office", "tracker"}
_METRICS = ("conversation started at", "conversation first replied at", "conversation state", "teammate currently assigned")
_ADVICE = "Export the conversations with their parts: Intercom's API (GET /conversations/ID), its S3 export, or IntercomExport."


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise conversations by their parts or source, messages by IntercomExport's columns.

    Raises
    ------
    DataError
        If the conversations come without messages.
    """
    if sample.has("message_body", "conversation_id") and sample.column("message_author_type", "message_type"):
        return _message_rows(sample, options)
    if sample.has("part_type", "body") and not sample.has("conversation_parts"):
        return _part_rows(sample, options)
    rows = [lowered(row) for row in sample.rows]
    if any(_is_conversation(row) for row in rows):
        return _conversations(sample, options)
    if any(row.get("type") == "conversation" and {"waiting_since", "conversation_rating", "statistics"} & set(row) for row in rows):
        raise DataError(f"{sample.name}: Intercom conversations without messages. Found no 'source' and no 'conversation_parts'. {_ADVICE}")
    if sample.has("conversation id", "conversation started at") and not _text_columns(sample):
        found = ", ".join(repr(name) for name in (sample.column(metric) for metric in _METRICS) if name)
        raise DataError(f"{sample.name}: an Intercom report, which holds no messages. Found {found}. {_ADVICE}")
    return None


def _text_columns(sample: Sample) -> list[str]:
    names = ("body", "message", "remark", "comment", "text", "transcript", "description")
    return [column for column in sample.columns if any(name in column.lower() for name in names)]


def _is_conversation(row: Record) -> bool:
    """Tell a conversation by what no other export has."""
    source = mapping(row.get("source"))
    nested = "conversation_parts" in row or "ticket_parts" in row or bool(mapping(row.get("conversation_message")))
    flat = _dig(row, "source", "delivered_as") is not None or _dig(row, "conversation_parts", "conversation_parts") is not None
    return nested or flat or ("author" in source and "body" in source)


def _conversations(sample: Sample, options: Options) -> Shape:
    starts = ("source", "source.body", "source_body", "conversation_message", "ticket_attributes")
    parts = ("conversation_parts", "conversation_parts.conversation_parts", "conversation_parts_conversation_parts", "ticket_parts")
    columns = {"id": options.id_column or sample.column("id"), "text": sample.column(*starts), "replies": sample.column(*parts)}
    uses = {role: column for role, column in columns.items() if column}
    title = "Intercom conversations" + ("" if "replies" in uses else ", only their first messages")
    return Shape(title, uses, messages=lambda told: _messages(lowered(told), options), id_column=uses.get("id", ""))


def _messages(told: Record, options: Options) -> list[Message]:
    """Return the source and the parts of a conversation or a ticket."""
    people = _people(told)
    replies = [_part(part, people, options) for name in ("conversation_parts", "ticket_parts") for part in _list(told, name)]
    # The source bears no time of its own, and nothing precedes it.
    times = [time for time in (seconds(told.get("created_at")), *(reply.time for reply in replies)) if time is not None]
    start = min(times) if times else None
    speaker, text, subject = _source(told, people, options)
    if speaker == CUSTOMER and not text and not any(reply.speaker == CUSTOMER and reply.text.strip() for reply in replies):
        text = subject
    return [Message(speaker, text, start), *replies]


def _source(told: Record, people: dict[str, str], options: Options) -> tuple[str, str, str]:
    """Return who began, with which words, under which subject."""
    if "ticket_attributes" in told:
        fields = mapping(told["ticket_attributes"])
        speaker = NOTE if words(told.get("category")).lower() in _INTERNAL_TICKETS else CUSTOMER
        return speaker, words(fields.get("_default_description_")).strip(), words(fields.get("_default_title_"))
    name = "conversation_message" if "conversation_message" in told else "source"
    author = mapping(_dig(told, name, "author"))
    author = author or {key: _dig(told, name, "author", key) for key in ("type", "id", "email", "from_ai_agent")}
    speaker = _speaker("", author, "", people, options)
    if speaker == AGENT and words(_dig(told, name, "delivered_as")).lower() in _AUTOMATED:
        speaker = BOT
    return speaker, words(_dig(told, name, "body")).strip(), words(_dig(told, name, "subject"))


def _part(part: Record, people: dict[str, str], options: Options) -> Message:
    """Return a part as a message, whatever it is."""
    body = words(part.get("body"))
    author = mapping(part.get("author")) or {key: _dig(part, "author", key) for key in ("type", "id", "email", "from_ai_agent")}
    kind = words(part.get("part_type")).lower()
    return Message(_speaker(kind, author, body, people, options), body, seconds(part.get("created_at")))


def _speaker(kind: str, author: dict[str, Any], body: str, people: dict[str, str], options: Options) -> str:
    """Tell whose words a part is by its kind and its author."""
    if kind.startswith("note"):
        return NOTE
    who = _author(author, people, options)
    if who == CUSTOMER or (not who and kind in _SPOKEN):
        return CUSTOMER
    # "Assigned to ..." is no message; a reply that came with it was written in the editor, as HTML.
    if who == AGENT and (kind not in _SPOKEN or (kind.startswith("assign") and "<" not in body)):
        return SYSTEM
    return who or SYSTEM


def _author(author: dict[str, Any], people: dict[str, str], options: Options) -> str:
    """Return an author's role; "" if nothing tells it."""
    email = words(author.get("email")).lower()
    made = any(truth(author.get(flag)) for flag in ("from_ai_agent", "is_ai_answer"))
    if made or (email.startswith("operator+") and email.endswith("@intercom.io")):
        return BOT
    kind = words(author.get("type")).strip().lower()
    role = _SPEAKERS.get(kind) or people.get(ident(author.get("id"))) or (SYSTEM if kind else "")
    return AGENT if role != BOT and from_agent(email, options) else role


def _people(told: Record) -> dict[str, str]:
    """Return the roles of those the conversation names, for authors whose type is missing."""
    people = {ident(person.get("id")): AGENT for person in _list(told, "teammates", "admins")}
    people |= {ident(told.get(name)): AGENT for name in ("admin_assignee_id", "team_assignee_id")}
    people |= {ident(person.get("id")): CUSTOMER for person in _list(told, "contacts")}
    if user := mapping(told.get("user")):
        people[ident(user.get("id"))] = CUSTOMER
    return {key: role for key, role in people.items() if key}


def _list(told: Record, name: str, inner: str = "") -> list[dict[str, Any]]:
    """Return the objects of a list, bare or within an object that bears its name."""
    return listing(told.get(name)) or listing(_dig(told, name, inner or name))


def _message_rows(sample: Sample, options: Options) -> Shape:
    """Return the shape of IntercomExport's table, a message a row."""
    conversation = options.id_column or sample.column("conversation_id") or ""
    body = sample.column("message_body") or ""

    def messages(told: Record) -> Iterator[Message]:
        row = lowered(told)
        author = {key: row.get(f"message_author_{key}") for key in ("type", "id", "email")}
        text = words(row.get("message_body"))
        kind = words(row.get("message_type")).strip().lower()
        yield Message(_speaker(kind, author, text, {}, options), text, seconds(row.get("message_created_at")))

    uses = {"id": conversation, "text": body}
    return Shape("Intercom messages", uses, messages=messages, id_column=conversation, key=lambda told: ident(told.get(conversation)))


def _part_rows(sample: Sample, options: Options) -> Shape:
    """Return the shape of a table of conversation parts; without ids they are of one conversation."""
    conversation = options.id_column or sample.column("conversation_id") or ""
    uses = {"id": conversation, "text": sample.column("body") or ""} if conversation else {"text": sample.column("body") or ""}

    def messages(told: Record) -> list[Message]:
        return [_part(lowered(told), {}, options)]

    return Shape(
        "Intercom conversation parts", uses, messages=messages, id_column=conversation, key=lambda told: ident(told.get(conversation))
    )


def _dig(told: Record, *path: str) -> Any:
    """Return what lies at a path, nested or under a name that joins it ("source.author.type")."""
    for end in range(len(path), 0, -1):
        for joint in (".", "_", "__"):
            name = joint.join(path[:end])
            if name in told:
                return _dig(mapping(told[name]), *path[end:]) if path[end:] else told[name]
    return None
