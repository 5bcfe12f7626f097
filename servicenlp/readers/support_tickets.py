"""Data sets of support tickets: a ticket a row, the customer's words in one column, perhaps an answer in another."""

import re
from typing import Any

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, Message
from servicenlp.readers.guess import plain_name
from servicenlp.readers.shape import Record, Sample, Shape, words

_COLUMNS = (
    "ticket subject,ticket type,ticket status,ticket priority,ticket channel,product purchased,date of purchase,customer age,"
    "customer gender,customer satisfaction rating,first response time,time to resolution,customer name,customer email"
).split(",")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Every fourth word of English is one of these; of words drawn at random hardly any.
_COMMON = set("the a an to of and in is are was were be been has have for on with your you our we it this that not by at as".split())


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise the demonstration tickets by their columns, others by a body and an answer."""
    known = {plain_name(column): column for column in reversed(sample.columns)}
    asked = known.get("ticketdescription")
    if asked and (sum(plain_name(name) in known for name in _COLUMNS) >= 3 or _has_placeholders(sample, asked)):
        return _answered(sample, options, "Support tickets", asked, "resolution")
    if sample.has("body", "answer") and any(sample.has(name) for name in ("queue", "priority", "type", "language", "tag_1")):
        return _answered(sample, options, "Support tickets with answers", "body", "answer")
    return None


def _has_placeholders(sample: Sample, column: str) -> bool:
    return any("{product_purchased}" in words(row.get(column)) for row in sample.rows)


def _answered(sample: Sample, options: Options, title: str, asked: str, answered: str) -> Shape:
    text, answer = options.customer_column or sample.column(asked) or "", sample.column(answered) or ""
    texts = [cell for row in sample.rows if (cell := words(row.get(answer)).strip())]
    answer = answer if _is_language(texts) else ""
    column = options.id_column or sample.column("ticket id", "ticket_id", "id") or ""
    uses = {role: name for role, name in {"id": column, "text": text, "answer": answer}.items() if name}
    values = {re.sub(r"\W+", "_", name.strip().lower()): name for name in reversed(sample.columns) if name not in (text, answer)}

    def messages(told: Record) -> list[Message]:
        return [
            Message(CUSTOMER, _filled(told.get(text), told, values)),
            Message(AGENT, _filled(told.get(answer), told, values) if answer else ""),
        ]

    return Shape(title, uses, messages=messages, id_column=column)


def _filled(cell: Any, told: Record, values: dict[str, str]) -> str:
    """Fill in "{product_purchased}" where a column of that name holds a text."""
    return _PLACEHOLDER.sub(lambda found: words(told.get(values.get(found[1].lower(), ""))) or found[0], words(cell))


def _is_language(texts: list[str]) -> bool:
    """Tell sentences from words drawn at random, as the well-known demonstration tickets have for resolutions.

    Examples
    --------
    >>> _is_language(["We sent you a new one today.", "Refunded; sorry!"]), _is_language(["Case maybe show recently my computer."])
    (True, False)
    """
    found = [word for text in texts for word in re.findall(r"[^\W\d_]+", text.lower())]
    marked = sum(bool(re.search(r"[,;:'’\d!?()]|[^\x00-\x7f]|\w[.] \w", text)) for text in texts)
    return bool(found) and (sum(word in _COMMON for word in found) >= 0.12 * len(found) or marked >= 0.3 * len(texts))
