"""Genesys Cloud: transcripts of speech, recordings of chats and messages, and conversations' messages."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, listing, mapping, seconds, words
from servicenlp.speakers import name_roles

_ROLES = {
    **dict.fromkeys(["external", "customer", "inbound"], CUSTOMER),
    **dict.fromkeys(["internal", "agent", "user", "outbound"], AGENT),
    **dict.fromkeys(["workflow", "acd", "ivr", "bot", "botflow", "voicemail"], BOT),
    "system": SYSTEM,
}
_LISTS = ("transcripts", "messagingTranscript", "transcript", "entities", "messages")
_FIELDS = {"messageText", "textBody", "normalizedMessage", "participantPurpose", "bodyType"}


class _Told(NamedTuple):
    """A message, whose speaker may be known only by an id."""

    speaker: str | None
    sender: str
    text: str
    time: float | None


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take conversations with one of the lists in which Genesys Cloud puts words.

    Raises
    ------
    DataError
        If it is the details of conversations, which hold no words.
    """
    columns = [column for name in _LISTS if (column := sample.column(name))]
    column = next((column for column in columns if any(_is_ours(item) for row in sample.rows for item in listing(row.get(column)))), None)
    if column is None:
        if sample.has("conversationId", "conversationStart", "participants"):
            advice = "Take the transcripts: those of speech and text analytics, or the recordings with 'messagingTranscript'."
            raise DataError(f"{sample.name}: Genesys Cloud's conversation details, without words. Found 'conversationStart'. {advice}")
        return None
    conversation = sample.column("conversationId", "conversation_id", "id")
    members = {str(one.get("id")): words(one.get("role")) for one in listing(sample.beside.get("members"))}
    return Shape(
        "Genesys Cloud conversations",
        {"messages": column} | ({"id": conversation} if conversation else {}),
        messages=lambda row: _messages([item for name in columns for item in listing(row.get(name))], members | _members(row)),
        id_column=options.id_column or conversation or "",
        key=_key(conversation) if _is_repeated(sample, conversation) else None,
    )


def _is_ours(item: dict[str, Any]) -> bool:
    """Tell whether an item of a list bears the fields that only Genesys Cloud writes."""
    phrases = listing(item.get("phrases"))
    return any("participantPurpose" in phrase for phrase in phrases) or not _FIELDS.isdisjoint(item)


def _members(row: Record) -> dict[str, str]:
    """Return the roles of the members of a web chat, where they are exported with it."""
    found = next((cell for name, cell in row.items() if name.lower() in ("members", "participants")), None)
    return {str(one.get("id")): words(one.get("role") or one.get("purpose")) for one in listing(found)}


def _is_repeated(sample: Sample, column: str | None) -> bool:
    """Tell whether several rows are of one conversation: it may have several recordings."""
    ids = [str(row[column]) for row in sample.rows if column and row.get(column)]
    return len(ids) > len(set(ids))


def _key(column: str | None) -> Callable[[Record], str]:
    def key(row: Record) -> str:
        return str(row.get(column or "") or "") or json.dumps(row, sort_keys=True, default=str)

    return key


def _messages(items: list[dict[str, Any]], members: dict[str, str]) -> list[Message]:
    """Return what was said; senders who are but ids are told apart by what they say."""
    told = [one for item in items for one in (_phrases(item) if "phrases" in item else _message(item, members))]
    roles = name_roles([(one.sender, one.text) for one in told if one.speaker is None and one.sender])
    return [Message(one.speaker or roles[one.sender], one.text, one.time) for one in told if one.text and (one.speaker or one.sender)]


def _phrases(transcript: dict[str, Any]) -> list[_Told]:
    """Return what was said in a transcript of speech."""
    return [
        _Told(_role(phrase.get("participantPurpose")), "", _text(phrase, "decoratedText", "text"), seconds(phrase.get("startTimeMs")))
        for phrase in listing(transcript.get("phrases"))
    ]


def _message(item: dict[str, Any], members: dict[str, str]) -> list[_Told]:
    """Return what was written in a message of a recording, a conversation or a web chat."""
    normal = mapping(item.get("normalizedMessage"))
    if words(item.get("bodyType")).lower() not in ("", "standard"):
        return []  # somebody joins, leaves or types
    sender = str(mapping(item.get("sender")).get("id") or words(item.get("from")) or words(item.get("fromAddress")))
    speaker = _role(
        "bot" if words(normal.get("originatingEntity")).lower() == "bot" else "",
        *(item.get(name) for name in ("purpose", "participantPurpose", "direction")),
        normal.get("direction"),
        members.get(sender),
        # Agents are users, customers are contacts.
        "user" if item.get("fromUser") or item.get("user") else "",
        "external" if item.get("fromExternalContact") else "",
    )
    text = _text(item, "messageText", "textBody", "body") or _text(normal, "text")
    time = next((item[name] for name in ("timestamp", "utc", "time") if item.get(name)), None)
    return [_Told(speaker, sender, text, seconds(time))]


def _text(item: dict[str, Any], *names: str) -> str:
    return next((text for name in names if (text := words(item.get(name)).strip())), "")


def _role(*told: Any) -> str | None:
    return next((_ROLES[role] for value in told if (role := words(value).lower()) in _ROLES), None)
