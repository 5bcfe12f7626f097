"""Amazon Connect: Contact Lens analyses of calls and chats, and chat transcripts."""

from collections.abc import Iterable
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, listing, mapping, seconds, words
from servicenlp.speakers import name_roles

_ROLES = {"CUSTOMER": CUSTOMER, "AGENT": AGENT, "SYSTEM": SYSTEM, "CUSTOM_BOT": BOT, "SUPERVISOR": AGENT}
_IDS = ("ContactId", "InitialContactId")


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take a document with a Transcript, a list of segments, or a table of messages with Connect's roles.

    Raises
    ------
    DataError
        If it is the contact records, which hold no words.
    """
    if sample.has("Content", "ParticipantRole") and sample.column("AbsoluteTime", "ContentType", "ParticipantId"):
        return _rows(sample)
    column = sample.column("Transcript", "Segments")
    if column is None and sample.has("ContactId", "Channel") and sample.column("AWSAccountId", "ContactTraceRecordFormatVersion"):
        advice = "Take the analyses of Contact Lens (Analysis/Voice and Analysis/Chat in the bucket), or the chat transcripts."
        raise DataError(f"{sample.name}: Amazon Connect's contact records, which hold no words. Found 'ContactId', 'Channel'. {advice}")
    if column is None or not any(map(_is_item, (item for row in sample.rows for item in _items(row, column)))):
        return None
    participants = sample.column("Participants") or ""
    return Shape(
        "Amazon Connect transcripts",
        {"messages": column},
        messages=lambda row: _messages(_items(row, column), listing(row.get(participants))),
        id_column=options.id_column or sample.column(*_IDS) or "",
    )


def _rows(sample: Sample) -> Shape:
    """Take messages in rows of their own; with no contact's id they are of one chat."""
    contact = sample.column(*_IDS)
    known = {column.lower(): column for column in sample.columns}

    def messages(row: Record) -> Iterable[Message]:
        return _messages(
            [{name: row.get(known.get(name.lower(), "")) for name in ("Content", "ContentType", "ParticipantRole", "AbsoluteTime")}]
        )

    return Shape(
        "Amazon Connect messages",
        {"text": known["content"], "speaker": known["participantrole"]} | ({"id": contact} if contact else {}),
        messages=messages,
        id_column=contact or "",
        key=lambda row: str(row.get(contact, "")) if contact else "",
    )


def _items(row: Record, column: str) -> list[dict[str, Any]]:
    """Return the segments of a transcript, of the real-time form too."""
    found = listing(row.get(column)) or [mapping(row.get(column))]
    return [mapping(item["Transcript"]) if "Transcript" in item else item for item in found]


def _is_item(item: dict[str, Any]) -> bool:
    return "Content" in item and ("ParticipantId" in item or "ParticipantRole" in item)


def _messages(items: list[dict[str, Any]], participants: Iterable[dict[str, Any]] = ()) -> list[Message]:
    roles = {str(one.get("ParticipantId")): str(one.get("ParticipantRole") or "") for one in participants}
    said = [item for item in items if not words(item.get("ContentType")).startswith("application/")]
    told = [_role(item, roles) for item in said]
    if not any(told):
        # With nothing but ids, what they say must tell.
        guess = name_roles([(_id(item), words(item.get("Content"))) for item in said if _id(item)])
        told = [guess.get(_id(item)) for item in said]
    return [Message(role, words(item.get("Content")), _time(item)) for item, role in zip(said, told, strict=True) if role]


def _id(item: dict[str, Any]) -> str:
    return str(item.get("ParticipantId") or "")


def _role(item: dict[str, Any], roles: dict[str, str]) -> str | None:
    """Return who speaks; some analyses use the role's name as the participant's id."""
    return _ROLES.get((words(item.get("ParticipantRole")) or roles.get(_id(item)) or _id(item)).strip().upper())


def _time(item: dict[str, Any]) -> float | None:
    """Return when it was said; of a call, milliseconds since it began."""
    offset = item.get("BeginOffsetMillis")
    if isinstance(offset, int | float):
        return offset / 1000
    return seconds(item.get("AbsoluteTime") or mapping(item.get("Time")).get("AbsoluteTime"))
