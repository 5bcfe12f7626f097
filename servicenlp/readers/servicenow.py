"""ServiceNow: incidents, cases and requests as list exports or from the Table API, and the journal of their comments."""

import math
import re
from collections.abc import Iterator
from typing import Any

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, ident, lowered, mapping, seconds, words

# By field and by label; the first one with words is taken.
_CALLER = ("caller_id", "caller", "contact", "consumer", "opened_for", "requested_for", "customer", "opened_by", "opened by")
_TEXT = ("description", "short_description", "short description")
_COMMENTS = ("comments", "additional comments", "comments_and_work_notes", "comments and work notes")
_OWN = set("sys_id assignment_group work_notes sys_updated_on caller_id close_notes opened_at".split()) | {"assignment group", "work notes"}
# "2024-01-02 11:00:00 - Beth Anglin (Additional comments)", and the words in the lines below
_ENTRY = re.compile(r"^(\d[\d/.\-: ]+(?: ?[AP]M)?) - ([^\n]{1,80}) \(([^()\n]{1,40})\)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take tasks by their fields or labels, or the journal by its fields."""
    if sample.has("element_id", "element", "value", "name"):
        uses = {"id": "element_id", "text": "value", "author": "sys_created_by"}
        return Shape("ServiceNow journal", uses, messages=_of_journal, id_column="element_id", key=_task, settle=_settle)
    short, text, comments = sample.column("short_description", "short description"), sample.column("description"), sample.column(*_COMMENTS)
    ours = {column.strip().lower() for column in sample.columns} & _OWN
    if not short or not sample.has("number") or not (ours or any(map(_ENTRY.search, _cells(sample, comments)))):
        return None
    if not text and not comments and not any(_cells(sample, short)):
        return None
    number = options.id_column or sample.column("number") or ""
    uses = {"id": number, "text": text or short} | ({"comments": comments} if comments else {})
    return Shape("ServiceNow tasks", uses, messages=_of_task, id_column=number, settle=_settle)


def _cells(sample: Sample, column: str | None) -> list[str]:
    return [text for row in sample.rows if column and (text := _value(row.get(column)))]


def _value(cell: Any) -> str:
    """Return a field's words; the API gives objects where it is asked for what people see."""
    told = mapping(cell)
    return words(told.get("display_value") or told.get("value") or (cell if not told else "")).strip()


def _first(told: Record, names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _value(told.get(name)))), "")


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name.casefold()))


def _of_task(row: Record) -> Iterator[Message]:
    told = lowered(row)
    yield Message(CUSTOMER, _first(told, _TEXT), -math.inf)
    caller = _letters(_first(told, _CALLER))
    yield from _entries(_first(told, _COMMENTS), caller)


def _entries(text: str, caller: str) -> Iterator[Message]:
    """Yield a journal's entries; the newest stands first, which tells their order where a date may be read two ways."""
    marks = list(_ENTRY.finditer(text))
    if not marks:
        yield Message(AGENT, text, math.inf)
        return
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    iso = all(mark[1][:4].isdigit() for mark in marks)
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True)):
        name = _letters(mark[2])
        role = NOTE if "work" in mark[3].lower() else CUSTOMER if name == caller else SYSTEM if name == "system" else AGENT
        yield Message(role, text[mark.end() : end].strip(), seconds(mark[1]) if iso else -float(number))


def _task(told: Record) -> str:
    return ident(lowered(told).get("element_id"))


def _of_journal(row: Record) -> Iterator[Message]:
    told = lowered(row)
    who = _value(told.get("sys_created_by"))
    role = NOTE if "work" in words(told.get("element")).lower() else SYSTEM if who == "system" else f"@{who}"
    yield Message(role, words(told.get("value")), seconds(told.get("sys_created_on")))


def _settle(row: Record, messages: list[Message]) -> list[Message]:
    """Tell of the journal's authors who the caller is: by name, or else whoever wrote first."""
    caller = _letters(_first(lowered(row), _CALLER))
    authors = [m.speaker for m in sorted(messages, key=lambda m: m.time or 0.0) if m.speaker.startswith("@")]
    known = {name for name in authors if _letters(name) == caller}
    if not known and not any(m.speaker == CUSTOMER and m.text for m in messages):
        known = set(authors[:1])
    return [m._replace(speaker=CUSTOMER if m.speaker in known else AGENT) if m.speaker.startswith("@") else m for m in messages]
