"""Help Scout: conversations of its API with their threads, and threads by themselves."""

from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, lowered, mapping, seconds, words

_KINDS = {
    "customer": CUSTOMER,
    "message": AGENT,
    "reply": AGENT,
    "note": NOTE,
    "phone": NOTE,  # what the agent wrote down of a call
    "forwardparent": NOTE,  # sent on to a third party
    "forwardchild": NOTE,
    "lineitem": SYSTEM,
}
_CHATS = {"chat", "beaconchat"}
_PERSONS = {"customer": CUSTOMER, "user": AGENT, "team": AGENT, "system_user": BOT}
_UNSENT = {"draft", "underreview"}
# Of the conversations, by themselves or in the API's reports; "preview" is the start of whichever thread is the latest.
_LISTED = ("customerwaitingsince", "primarycustomer", "threadcount", "folderid", "mailboxid", "userupdatedat", "assignedname")
_REPORT = ("handle time", "replies to resolve", "replies sent", "mailbox", "first response time", "resolution time", "response time")
_ADVICE = "Ask Help Scout's API for them with their threads: GET /v2/conversations?embed=threads."


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise conversations by their threads, and threads by who created them.

    Raises
    ------
    DataError
        If the conversations come without threads, or it is a report.
    """
    rows = [lowered(row) for row in sample.rows]
    if any(_is_thread(thread) for row in rows for thread in _threads(row)):
        return _conversations(sample, options)
    if any(_is_thread(row) for row in rows):
        return _thread_rows(sample, options)
    if any("threads" in mapping(row.get("_embedded")) for row in rows):
        return _conversations(sample, options)  # whose first conversations are empty
    listed = [listed for row in rows for listed in [row, *map(lowered, _results(row))] if "preview" in listed or "threads" in listed]
    if any(sum(name in row for name in _LISTED) > 1 for row in listed):
        raise DataError(f"{sample.name}: Help Scout conversations without their threads. Found only previews. {_ADVICE}")
    if _is_report(sample):
        found = ", ".join(repr(name) for name in map(sample.column, _REPORT) if name)
        subject = sample.column("subject")
        rest = f" Or judge the subject lines: --text-column {subject!r}." if subject else ""
        raise DataError(f"{sample.name}: a Help Scout report, which holds no messages. Found {found}. {_ADVICE}{rest}")
    return None


def _is_report(sample: Sample) -> bool:
    found = [name for name in map(sample.column, _REPORT) if name]
    spoken = ("body", "comment", "message", "text", "transcript", "description", "content", "thread body")
    return sample.column(*_REPORT[:4]) is not None and len(found) > 2 and not sample.column(*spoken, *(f"{name}s" for name in spoken))


def _is_thread(thread: Record) -> bool:
    """Tell a thread by its type together with its creator, whom Help Scout calls customer or user."""
    kind = words(thread.get("type")).lower()
    return (kind in _KINDS or kind in _CHATS) and "body" in thread and words(_creator(thread).get("type")).lower() in _PERSONS


def _creator(thread: Record) -> dict[str, Any]:
    """Return who created a thread, in the API's names or as a table flattens them."""
    found = mapping(thread.get("createdby") or thread.get("created_by"))
    flat = {
        key: _first(thread, f"createdby.{key}", f"createdby_{key}", f"created_by_{key}", f"createdby{key}") for key in ("type", "email")
    }
    return {**flat, **found}


def _threads(told: Record) -> list[Record]:
    """Return the threads of a conversation: embedded, of the first API, or flattened."""
    embedded = mapping(told.get("_embedded")).get("threads", told.get("_embedded.threads"))
    return [lowered(thread) for thread in listing(embedded) or listing(told.get("threads"))]


def _results(told: Record) -> list[Record]:
    """Return the conversations within one of the API's reports."""
    return listing(mapping(told.get("conversations")).get("results"))


def _conversations(sample: Sample, options: Options) -> Shape:
    column = options.id_column or sample.column("id", "number") or ""
    uses = {"id": column} if column else {}
    uses["messages"] = "_embedded.threads" if sample.column("_embedded", "_embedded.threads") else "threads"
    return Shape("Help Scout conversations", uses, messages=lambda told: _messages(lowered(told), options), id_column=column)


def _messages(told: Record, options: Options) -> list[Message]:
    """Return a conversation's threads; its subject where the customer wrote nothing else."""
    messages = [_message(thread, options) for thread in _threads(told)]
    asked = [message for message in messages if message.speaker == CUSTOMER]
    if asked and not any(message.text.strip() for message in asked):
        messages.append(Message(CUSTOMER, words(told.get("subject")), min((m.time for m in asked if m.time is not None), default=None)))
    return messages


def _message(thread: Record, options: Options) -> Message:
    time = seconds(_first(thread, "createdat", "created_at"))
    return Message(_speaker(thread, options), words(thread.get("body")), time)


def _speaker(thread: Record, options: Options) -> str:
    """Tell who speaks by the thread's type; by its creator in a chat."""
    kind = words(thread.get("type")).lower()
    creator = _creator(thread)
    person = _PERSONS.get(words(creator.get("type")).lower(), "")
    if words(thread.get("state")).lower() in _UNSENT:
        return NOTE
    speaker = _KINDS.get(kind) or person or (CUSTOMER if kind in _CHATS else SYSTEM)
    if speaker == AGENT and person == BOT:
        return BOT
    if speaker == CUSTOMER and person != AGENT and from_agent(creator.get("email"), options):
        return AGENT  # a colleague who wrote by mail
    return speaker


def _thread_rows(sample: Sample, options: Options) -> Shape:
    """Return the shape of a table of threads; without conversation ids they are of one conversation."""
    column = options.id_column or sample.column("conversationId", "conversation_id", "conversation id") or ""
    uses = {"id": column} if column else {}
    uses["text"] = sample.column("body") or ""

    def messages(told: Record) -> list[Message]:
        return [_message(lowered(told), options)]

    return Shape("Help Scout threads", uses, messages=messages, id_column=column, key=lambda told: ident(told.get(column)))


def _first(told: Record, *names: str) -> Any:
    return next((told[name] for name in names if told.get(name) is not None), None)
