"""Argilla's records, version 2, as its ``to_json`` writes them; read also flat, as its ``to_list`` and ``to_datasets`` make them.

Questions: a rating ``level`` (1 to 6), a label question for each other target, and a span question
``evidence`` over the field ``text``: `SETTINGS` makes them. Columns of the row are metadata.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from servicenlp.records import EVIDENCE, Form, Prediction, Record, Span, Verdict
from servicenlp.taxonomy import TARGETS, as_label, as_target, values

_FORM = "servicenlp"  # the metadata that tells how the columns were named
_PARTS = (".responses", ".responses.users", ".responses.status", ".suggestion", ".suggestion.score", ".suggestion.agent")
_QUESTIONS = "".join(f'        rg.LabelQuestion("{target}", labels={values(target)}, required=False),\n' for target in list(TARGETS)[1:])
SETTINGS = f"""import argilla as rg

rg.Argilla(api_url="http://localhost:6900", api_key="...")
settings = rg.Settings(
    fields=[rg.TextField("text")],
    questions=[
        rg.RatingQuestion("level", values={values("level")}),
{_QUESTIONS}        rg.SpanQuestion("{EVIDENCE}", field="text", labels=["{EVIDENCE}"], required=False),
    ],
)
dataset = rg.Dataset("service", settings=settings).create()
dataset.records.from_json("FILE")
"""


def recognise(record: Mapping[str, Any]) -> bool:
    """Tell whether it is a record of Argilla."""
    nested = isinstance(record.get("fields"), Mapping) and ("responses" in record or "suggestions" in record)
    return nested or ("_server_id" in record and any(name.endswith(_PARTS) for name in record))


def whole(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return records as `read` wants them: flat ones folded."""
    return [record if "fields" in record else _fold(record) for record in records]


def _fold(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Fold a flat record; what is neither text, question nor Argilla's own was metadata."""
    rest = {name: cell for name, cell in flat.items() if not name.endswith(_PARTS) and name not in ("id", "status", "_server_id")}
    field = "text" if "text" in rest else max((n for n in rest if isinstance(rest[n], str)), key=lambda n: len(rest[n]), default="text")
    told: dict[str, Any] = {"id": flat.get("id"), "fields": {field: rest.pop(field, "")}, "suggestions": {}, "responses": {}}
    told["metadata"] = {name: cell for name, cell in rest.items() if cell is not None}
    for name, cell in flat.items():
        question, dot, part = name.partition(".")
        if cell is None or name == question:
            continue
        if dot + part == ".suggestion":
            score, agent = (flat.get(f"{name}.{what}") for what in ("score", "agent"))
            told["suggestions"][question] = {"value": cell, "score": score, "agent": agent}
        elif dot + part == ".responses":
            users, states = (flat.get(f"{name}.{what}") or [""] * len(cell) for what in ("users", "status"))
            told["responses"][question] = [
                {"value": value, "user_id": user, "status": state} for value, user, state in zip(cell, users, states, strict=True)
            ]
    return told


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
    fields, suggestions = told["fields"], {as_target(name) or name: one for name, one in (told.get("suggestions") or {}).items()}
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
        target = as_target(question) or question
        for answer in answers:
            if answer.get("status") in ("discarded", "draft"):
                continue
            verdict = people.setdefault(str(answer["user_id"]), Verdict(str(answer["user_id"]), {}, []))
            if question == EVIDENCE:
                verdict.spans.extend(_read_spans(answer["value"]))
            elif (label := as_label(target, answer["value"])) is not None:
                verdict.labels[target] = label
    return [verdict for verdict in people.values() if verdict.labels or verdict.spans]
