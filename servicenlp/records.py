"""A row as annotation tools see it: words, predictions, quotations, verdicts of people, and the rest."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from servicenlp.consensus import merge_labels
from servicenlp.taxonomy import TARGETS, as_label

HUMAN, VERDICTS = "human_", "verdicts"
EVIDENCE = "evidence"


class Form(NamedTuple):
    """How the columns of a row are named: those of words and id, and what predicted ones begin with."""

    text: str
    id_column: str
    prefix: str


class Prediction(NamedTuple):
    """A label predicted, and its probability if it is known."""

    value: int | str
    score: float | None


class Span(NamedTuple):
    """A quotation: characters ``start`` to before ``end`` of the words."""

    start: int
    end: int


class Verdict(NamedTuple):
    """What one person said: labels by target, and quotations."""

    who: str
    labels: dict[str, int | str]
    spans: list[Span]


class Record(NamedTuple):
    """A row, taken apart.

    Attributes
    ----------
    id : str
        The interaction's.
    text : str
        What is annotated.
    predictions : dict of str to Prediction
        By target.
    spans : list of Span
        The evidence predicted.
    model : str
        Which model predicted.
    rest : dict
        The other columns.
    form : Form
        How they were named.
    verdicts : list of Verdict
        What people said.
    """

    id: str
    text: str
    predictions: dict[str, Prediction]
    spans: list[Span]
    model: str
    rest: dict[str, Any]
    form: Form
    verdicts: list[Verdict]


def find_id(columns: Iterable[str]) -> str | None:
    """Return the column that names the interaction, or None.

    Examples
    --------
    >>> find_id(["Ticket ID", "Agent ID", "body"])
    'Ticket ID'
    """
    plain = {column.lower().replace("_", " ").strip().removesuffix(" id"): column for column in reversed(list(columns))}
    return next((plain[name] for name in ("id", "ticket", "conversation", "case", "interaction") if name in plain), None)


def split_row(row: Mapping[str, Any], number: int, form: Form) -> Record | None:
    """Take a row apart; None if it has no words."""
    rest = {name: cell for name, cell in row.items() if cell is not None}
    words = rest.get(f"{form.prefix}interaction") or rest.get(form.text)
    if not isinstance(words, str) or not words.strip():
        return None
    if words == rest.get(form.text):
        del rest[form.text]
    predictions = {}
    for target in TARGETS:
        name = form.prefix + target
        value = as_label(target, rest.get(name))
        if value is None:
            continue
        held = f"{form.prefix}p_level_{value}" if target == "level" else f"{name}_p"
        predictions[target] = Prediction(value, _number(rest.get(held)))
        del rest[name]
        if target != "level":
            rest.pop(held, None)  # the level's stays beside those of the other levels
    spans = []
    start, end = (_number(rest.get(f"{form.prefix}{EVIDENCE}_{side}")) for side in ("start", "end"))
    if start is not None and end is not None and words[int(start) : int(end)] == rest.get(form.prefix + EVIDENCE):
        spans = [Span(int(start), int(end))]
        for name in (EVIDENCE, f"{EVIDENCE}_start", f"{EVIDENCE}_end"):
            del rest[form.prefix + name]
    model = str(rest.pop(f"{form.prefix}model", ""))
    told = rest.pop(VERDICTS, None)
    verdicts = [
        Verdict(p["who"], p["labels"], [Span(*span) for span in p["spans"]])
        for p in (json.loads(told) if isinstance(told, str) else told or [])
    ]
    if verdicts:
        rest = {name: cell for name, cell in rest.items() if name not in _human(words, verdicts)}
    return Record(str(row.get(form.id_column, number)), words, predictions, spans, model, rest, form, verdicts)


def join_row(record: Record) -> dict[str, Any]:
    """Put a row together again."""
    form, prefix = record.form, record.form.prefix
    row = dict(record.rest)
    if f"{prefix}interaction" not in row or form.text not in row:
        row = {form.text: record.text} | row if row.get(f"{prefix}interaction") != record.text else row
    for target, prediction in record.predictions.items():
        row[prefix + target] = prediction.value
        if target != "level" and prediction.score is not None:
            row[f"{prefix}{target}_p"] = prediction.score
    for start, end in record.spans[:1]:
        row |= {prefix + EVIDENCE: record.text[start:end], f"{prefix}{EVIDENCE}_start": start, f"{prefix}{EVIDENCE}_end": end}
    if record.model:
        row[f"{prefix}model"] = record.model
    if record.verdicts:
        row |= _human(record.text, record.verdicts)
        row[VERDICTS] = [{"who": v.who, "labels": v.labels, "spans": [list(span) for span in v.spans]} for v in record.verdicts]
    return row


def _human(text: str, verdicts: list[Verdict]) -> dict[str, Any]:
    """Return the columns that tell what people said together, and how far one may go by it."""
    labels, share = merge_labels([verdict.labels for verdict in verdicts])
    columns = {HUMAN + target: label for target, label in labels.items()}
    if len(verdicts) > 1:
        columns[f"{HUMAN}weight"] = round(share, 4)
    agreed = [v.spans[0] for v in verdicts if v.spans and v.labels.get("level") == labels.get("level")]
    return columns | ({HUMAN + EVIDENCE: text[slice(*agreed[0])]} if agreed else {})


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
