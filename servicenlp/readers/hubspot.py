"""HubSpot: tickets as its list exports them in any of its languages, tickets and messages of its API."""

import re
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, mapping, seconds, words

# A ticket's column is headed in the language of whoever exports: "Ticket description", "Descripción del ticket",
# "Ticketbeschreibung", "チケットの説明": a word for the ticket and one for what is told of it, in either order.
_TICKET = (
    r"(?:support[ -]?)?(?:tickets?|tíquete|tiquete|bilhete|biglietto|biljett(?:en)?s?|ärende(?:t)?s?|sag(?:en)?s?|"
    r"tike(?:tin|ttien)|tukipyynnön|lipun|zgłoszenia|biletu|ticketu|チケット)"
)
_OF = r"[ _-]*(?:(?:of|des|del|della|de|du|di|do|van het|van|het|av|för|の)[ _-]*)?"
_DESCRIPTION = (
    "description|beschreibung|descripci[oó]n|kuvaus|descrizione|説明|詳細|内容|beschrijving|omschrijving|opis|"
    "descri[cç][aã]o|beskrivning|beskrivelse"
)
_NAME = "name|nombre|nimi|nom|nome|naam|nazwa|namn|navn|名前|名称|名|titel|título|tytuł"
_STATUS = "status|estado|tila|statut|stato|ステータス|状態"
_PIPELINE = re.compile(r".*pipeline.*|パイプライン.*|.*putki", re.IGNORECASE)
_INTERNAL = re.compile(r"hs_(?:pipeline|ticket|object_id|v2_date|time_)", re.IGNORECASE)

_ACTORS = {"A": AGENT, "V": CUSTOMER, "E": CUSTOMER, "B": BOT, "L": BOT, "S": SYSTEM}
_ACTOR_TYPES = {"AGENT": AGENT, "VISITOR": CUSTOMER, "EMAIL": CUSTOMER, "BOT": BOT, "LLM": BOT, "SYSTEM": SYSTEM}
_THREAD = ("conversationsThreadId", "conversations_thread_id")
_FIELDS = ("type", "text", "richText", "direction", "senders", "createdAt", "createdBy", "truncationStatus")
_TYPES = {"COMMENT": NOTE, "WELCOME_MESSAGE": BOT}
_DIRECTIONS = {"INCOMING": CUSTOMER, "OUTGOING": AGENT}


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise messages by their thread and direction, tickets by their headers or properties.

    Raises
    ------
    DataError
        If the tickets come without descriptions, or threads without messages.
    """
    if sample.column(*_THREAD, "truncationStatus", "truncation_status") and sample.column("text", "richText", "rich_text"):
        return _message_rows(sample, options)
    if any(_is_message(message) for row in sample.rows for message in _nested(row)):
        return _threads(sample, options)
    if sample.has("associatedContactId", "inboxId") or sample.has("originalChannelId", "inboxId"):
        advice = "Ask HubSpot's API for each one's messages: GET /conversations/v3/conversations/threads/ID/messages."
        raise DataError(f"{sample.name}: HubSpot threads without their messages. Found 'inboxId' and no 'text'. {advice}")
    return _tickets_by_property(sample, options) or _tickets_by_header(sample, options)


def _headed(sample: Sample, told: str) -> str | None:
    """Return the column that tells this of a ticket, whatever the language of the header."""
    shape = re.compile(f"{_TICKET}{_OF}(?:{told})|(?:{told}){_OF}{_TICKET}", re.IGNORECASE)
    return next((column for column in sample.columns if shape.fullmatch(column.strip())), None)


def _tickets_by_header(sample: Sample, options: Options) -> Shape | None:
    """Return the shape of an exported list of tickets."""
    name, text = _headed(sample, _NAME), _headed(sample, _DESCRIPTION)
    pipeline = next((column for column in sample.columns if _PIPELINE.fullmatch(column.strip())), None)
    status = _headed(sample, _STATUS)
    marks = [column for column in (name, status, pipeline) if column]
    if not name and not (pipeline and (text or status)):
        return None
    if text:
        return _text_rows(sample, text, options)
    if len(marks) < 2:
        return None
    found = ", ".join(map(repr, marks))
    advice = "Export the tickets again with all properties, so that 'Ticket description' is among them."
    rest = f" Or judge the names: --text-column {name!r}." if name else ""
    raise DataError(f"{sample.name}: HubSpot tickets without descriptions. Found {found}. {advice}{rest}")


def _text_rows(sample: Sample, text: str, options: Options) -> Shape:
    column = options.id_column or sample.column("ticket id", "record id", "hs_ticket_id", "hs_object_id", "id", "ticket-id")
    column = column or next((name for name in sample.columns if re.search(r"(?<![a-z])ID(?![a-z])", name, re.IGNORECASE)), "")
    uses = {"id": column, "text": text} if column else {"text": text}
    return Shape("HubSpot tickets", uses, text_column=text, id_column=column)


def _tickets_by_property(sample: Sample, options: Options) -> Shape | None:
    """Return the shape of tickets whose columns bear the API's names, nested or flat."""
    flat = {column.strip().lower().removeprefix("properties").lstrip("._"): column for column in sample.columns}
    if "content" in flat and any(_INTERNAL.match(name) for name in flat):
        return _text_rows(sample, flat["content"], options)
    nested = [properties for row in sample.rows if (properties := mapping(row.get("properties")))]
    known = [properties for properties in nested if {"hs_pipeline_stage", "hs_pipeline", "hs_ticket_priority"} & set(properties)]
    if any("content" in properties and any(name == "subject" or name.startswith("hs_") for name in properties) for properties in nested):
        column = options.id_column or sample.column("id") or ""
        uses = {"id": column, "text": "properties.content"}
        return Shape("HubSpot tickets", uses, messages=lambda told: [_ticket(told)], id_column=column)
    if known and any("subject" in properties for properties in known):
        advice = "Ask for them with &properties=subject,content."
        raise DataError(f"{sample.name}: HubSpot tickets without descriptions. Found properties without 'content'. {advice}")
    return None


def _ticket(told: Record) -> Message:
    content = mapping(told.get("properties")).get("content")
    # The first API gave each property with its history.
    text = words(content) or words(mapping(content).get("value"))
    return Message(CUSTOMER, text, None)


def _is_message(message: Record) -> bool:
    return bool({"direction", "truncationStatus", "conversationsThreadId"} & set(message)) and bool({"text", "richText"} & set(message))


def _nested(told: Record) -> list[Record]:
    """Return the messages that stand within a row: a page of them, or a thread's."""
    return listing(told.get("results")) or listing(told.get("messages")) or listing(mapping(told.get("messages")).get("results"))


def _threads(sample: Sample, options: Options) -> Shape:
    """Return the shape of threads whose messages are nested in them, or of pages of a thread's messages."""
    column = options.id_column or sample.column("id", "threadId") or ""
    uses = {"id": column} if column else {}
    uses["messages"] = sample.column("results", "messages") or ""
    title = "HubSpot threads" + _cut([message for row in sample.rows for message in _nested(row)])

    def messages(told: Record) -> list[Message]:
        return [_message(message, options) for message in _nested(told)]

    def key(told: Record) -> str:
        return next((ident(message.get("conversationsThreadId")) for message in _nested(told)), "")

    return Shape(title, uses, messages=messages, id_column=column, key=None if column else key)


def _message_rows(sample: Sample, options: Options) -> Shape:
    """Return the shape of messages; without thread ids they are of one thread."""
    column = options.id_column or sample.column(*_THREAD) or ""
    uses = {"id": column} if column else {}
    uses["text"] = sample.column("text", "richText", "rich_text") or ""
    names = {sample.column(name, _snake(name)): name for name in _FIELDS}

    def messages(told: Record) -> list[Message]:
        return [_message({names.get(name, name): cell for name, cell in told.items()}, options)]

    cut = _cut([{names.get(name, name): cell for name, cell in row.items()} for row in sample.rows])
    return Shape("HubSpot messages" + cut, uses, messages=messages, id_column=column, key=lambda told: ident(told.get(column)))


def _snake(name: str) -> str:
    """Return a name as connectors write it: "createdAt" as "created_at"."""
    return re.sub("([A-Z])", r"_\1", name).lower()


def _cut(messages: list[Record]) -> str:
    """Say so if HubSpot cut messages short."""
    statuses = {words(message.get("truncationStatus")) for message in messages}
    return ", some cut short by HubSpot" if statuses - {"", "NOT_TRUNCATED"} else ""


def _message(message: Record, options: Options) -> Message:
    text = words(message.get("text"))
    return Message(_speaker(message, options), text if text.strip() else words(message.get("richText")), seconds(message.get("createdAt")))


def _speaker(message: Record, options: Options) -> str:
    """Tell who speaks by the message's type, its sender, and its direction."""
    kind = words(message.get("type")).upper()
    if kind in _TYPES:
        return _TYPES[kind]
    if kind not in ("", "MESSAGE"):
        return SYSTEM  # an assignment, a change of status
    sender = next(iter(listing(message.get("senders"))), {})
    actor = _actor(sender, message)
    direction = _DIRECTIONS.get(words(message.get("direction")).upper(), "")
    address = sender.get("email") or mapping(sender.get("deliveryIdentifier")).get("value")
    if actor in (BOT, SYSTEM):
        return actor
    if from_agent(address, options):
        return AGENT
    return direction or actor or CUSTOMER


def _actor(sender: dict[str, Any], message: Record) -> str:
    """Return the sender's role by the letter that its id begins with."""
    if kind := _ACTOR_TYPES.get(words(sender.get("type")).upper()):
        return kind
    actor = words(sender.get("actorId")) or words(message.get("createdBy"))
    return _ACTORS.get(actor[:1], "") if actor[1:2] == "-" else ""
