"""A row as annotation tools see it: words, predictions, quotations, verdicts of people, and the rest."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from servicenlp.taxonomy import LEVELS, TARGETS, values

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


def as_label(target: str, cell: Any) -> int | str | None:
    """Return a cell as a label of a target, or None: levels may be numbers, digits or names."""
    if target not in TARGETS or cell is None:
        return None
    if target == "level":
        text = str(cell).strip().lower().removesuffix(".0")
        return next((int(level.value) for level in LEVELS if text in (str(level.value), level.name)), None)
    return cell if cell in values(target) else None


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
        rest = {name: cell for name, cell in rest.items() if name not in _human(verdicts)}
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
        row |= _human(record.verdicts)
        row[VERDICTS] = [{"who": v.who, "labels": v.labels, "spans": [list(span) for span in v.spans]} for v in record.verdicts]
    return row


def _human(verdicts: list[Verdict]) -> dict[str, Any]:
    """Return the columns that tell the first person's verdict."""
    return {HUMAN + target: label for target, label in verdicts[0].labels.items()}


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
