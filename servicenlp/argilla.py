"""Argilla's records, version 2, as its ``Record.to_dict`` and ``to_json`` write them.

Questions: a rating ``level`` (1 to 6), a label question for each other target, and a span question
``evidence`` over the field ``text``. Columns of the row are metadata.
"""

from collections.abc import Mapping
from typing import Any

from servicenlp.records import EVIDENCE, Form, Prediction, Record, Span, Verdict, as_label
from servicenlp.taxonomy import TARGETS

_FORM = "servicenlp"  # the metadata that tells how the columns were named


def recognise(record: Mapping[str, Any]) -> bool:
    """Tell whether it is a record of Argilla."""
    return isinstance(record.get("fields"), Mapping) and ("responses" in record or "suggestions" in record)


def write(record: Record) -> dict[str, Any]:
    """Return a record as Argilla imports it."""
    suggestions: dict[str, Any] = {
        target: {"value": told.value, "score": told.score, "agent": record.model or None} for target, told in record.predictions.items()
    }
    if record.spans:
        suggestions[EVIDENCE] = {"value": _spans(record.spans), "score": None, "agent": record.model or None}
    responses: dict[str, list[dict[str, Any]]] = {}
    for verdict in record.verdicts:
        answers = {**verdict.labels, **({EVIDENCE: _spans(verdict.spans)} if verdict.spans else {})}
        for question, value in answers.items():
            responses.setdefault(question, []).append({"value": value, "user_id": verdict.who})
    return {
        "id": record.id,
        "fields": {"text": record.text},
        "metadata": {**record.rest, _FORM: "|".join(record.form), **({"model": record.model} if record.model else {})},
        "suggestions": suggestions,
        "responses": responses,
        "vectors": {},
        "status": "completed" if record.verdicts else "pending",
        "_server_id": None,
    }


def _spans(spans: list[Span]) -> list[dict[str, Any]]:
    return [{"label": EVIDENCE, "start": span.start, "end": span.end} for span in spans]


def read(told: Mapping[str, Any]) -> Record:
    """Read a record that Argilla exported."""
    rest = dict(told.get("metadata") or {})
    model = str(rest.get("model", ""))
    form = Form(*str(rest.pop(_FORM)).split("|")) if _FORM in rest else Form("text", "id", "service_")
    if model:
        del rest["model"]
    fields, suggestions = told["fields"], told.get("suggestions") or {}
    text = fields["text"] if "text" in fields else next(value for value in fields.values() if isinstance(value, str))
    predictions = {
        target: Prediction(value, one.get("score"))
        for target, one in suggestions.items()
        if target in TARGETS and (value := as_label(target, one["value"])) is not None
    }
    agents = [one["agent"] for one in suggestions.values() if one.get("agent")]
    quoted = suggestions.get(EVIDENCE, {}).get("value") or []
    return Record(str(told.get("id")), text, predictions, _read_spans(quoted), model or next(iter(agents), ""), rest, form, _verdicts(told))


def _read_spans(spans: list[Mapping[str, Any]]) -> list[Span]:
    return [Span(span["start"], span["end"]) for span in spans]


def _verdicts(told: Mapping[str, Any]) -> list[Verdict]:
    people: dict[str, Verdict] = {}
    for question, answers in (told.get("responses") or {}).items():
        for answer in answers:
            if answer.get("status") == "discarded":
                continue
            verdict = people.setdefault(str(answer["user_id"]), Verdict(str(answer["user_id"]), {}, []))
            if question == EVIDENCE:
                verdict.spans.extend(_read_spans(answer["value"]))
            elif (label := as_label(question, answer["value"])) is not None:
                verdict.labels[question] = label
    return [verdict for verdict in people.values() if verdict.labels or verdict.spans]
