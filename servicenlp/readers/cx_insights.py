"""Google CX Insights: the conversations that are given to it, and those it gives."""

from typing import Any

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, Message
from servicenlp.readers.shape import Record, Sample, Shape, ident, listing, mapping, seconds, words

_ROLES = {
    **dict.fromkeys(["customer", "enduser", "user"], CUSTOMER),
    **dict.fromkeys(["agent", "humanagent", "anyagent"], AGENT),
    **dict.fromkeys(["automatedagent", "virtualagent", "bot"], BOT),
}


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take conversations with entries, or with transcript segments."""
    entries = sample.column("entries")
    if entries and any(_field(item, "role") and _field(item, "text") for row in sample.rows for item in listing(row.get(entries))):
        return Shape(
            "Google CX Insights conversations",
            {"messages": entries},
            messages=lambda row: [_entry(item) for item in listing(row.get(entries))],
            id_column=options.id_column or "",
        )
    column = sample.column("transcript", "transcriptSegments", "transcript_segments", "conversation")
    if column is None or not any(_field(item, "segmentParticipant") for row in sample.rows for item in _segments(row, column)):
        return None
    calls = sample.column("callMetadata", "call_metadata") or ""
    return Shape(
        "Google CX Insights conversations",
        {"messages": column},
        messages=lambda row: _messages(row, column, calls),
        id_column=options.id_column or sample.column("name") or "",
    )


def _field(item: dict[str, Any], name: str) -> Any:
    """Return a field by its name in JSON or, as some clients write it, with underscores."""
    return next((value for key, value in item.items() if key.replace("_", "").lower() == name.lower()), None)


def _entry(item: dict[str, Any]) -> Message:
    role = _role(_field(item, "role")) or CUSTOMER
    # Microseconds since the chat began or since 1970.
    stamp = _field(item, "startTimestampUsec")
    micro = float(stamp) if isinstance(stamp, int | float) or (isinstance(stamp, str) and stamp.isdigit()) else None
    return Message(role, words(_field(item, "text")), micro)


def _role(value: Any) -> str | None:
    return _ROLES.get(words(value).replace("_", "").lower())


def _segments(row: Record, column: str) -> list[dict[str, Any]]:
    cell = row.get(column)
    nested = mapping(cell)
    return (
        listing(cell)
        or listing(_field(nested, "transcriptSegments"))
        or listing(_field(mapping(_field(nested, "transcript")), "transcriptSegments"))
    )


def _messages(row: Record, column: str, calls: str) -> list[Message]:
    call = mapping(row.get(calls)) or mapping(_field(mapping(row.get(column)), "callMetadata"))
    channels = {ident(_field(call, f"{who}Channel")): who for who in (CUSTOMER, AGENT)}
    channels.pop("", None)
    found = []
    for item in _segments(row, column):
        role = _role(_field(mapping(_field(item, "segmentParticipant")), "role")) or channels.get(ident(_field(item, "channelTag")))
        if role:
            found.append(Message(role, words(_field(item, "text")), seconds(_field(item, "messageTime"))))
    return found
