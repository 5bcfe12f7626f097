"""Label Studio's tasks: predictions to import, annotations to read back, from JSON, JSON-MIN or CSV.

The labelling configuration that belongs to them is `CONFIG`. Label Studio counts characters as
JavaScript does, in units of UTF-16; here they are converted.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from servicenlp.records import EVIDENCE, Form, Prediction, Record, Span, Verdict
from servicenlp.taxonomy import TARGETS, as_label, as_target, values

_FORM = "servicenlp"  # the datum that tells how the columns were named
_WORDS = "text"
_ANNOTATION = {"annotation_id", "annotator", "lead_time"}  # JSON-MIN and CSV have one row for each annotation
_MORE = {"created_at", "updated_at", "agreement"}


def _config() -> str:
    choices = "".join(
        f'  <Choices name="{target}" toName="text" choice="single" showInLine="true">\n'
        + "".join(f'    <Choice value="{value}"/>\n' for value in values(target))
        + "  </Choices>\n"
        for target in TARGETS
    )
    spans = f'  <Labels name="{EVIDENCE}" toName="text">\n    <Label value="{EVIDENCE}"/>\n  </Labels>\n'
    return f'<View>\n  <Text name="text" value="${_WORDS}"/>\n{spans}{choices}</View>\n'


CONFIG = _config()


def recognise(task: Mapping[str, Any]) -> bool:
    """Tell whether it is a task of Label Studio, or an annotation of JSON-MIN or CSV."""
    parts = {"annotations", "predictions", "completions"} & set(task)
    return bool(isinstance(task.get("data"), Mapping) and parts) or set(task) >= _ANNOTATION


def whole(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return tasks as `read` wants them: annotations of JSON-MIN or CSV gathered by task."""
    tasks: dict[Any, Mapping[str, Any]] = {}
    for number, row in enumerate(rows):
        if "data" in row:
            tasks[number] = row
            continue
        data = {name: _decode(cell) for name, cell in row.items() if name not in _ANNOTATION | _MORE and cell not in (None, "")}
        answers = {name: data.pop(name) for name in list(data) if name == EVIDENCE or as_target(name)}
        task = tasks.setdefault((str(data.get("id")), str(data.get(_WORDS))), {"data": data, "annotations": []})
        result = [one for name, answer in answers.items() for one in _spread(name, answer)]
        task["annotations"].append({"completed_by": row["annotator"], "result": result})
    return list(tasks.values())


def _decode(cell: Any) -> Any:
    """Return what a cell of CSV holds as JSON."""
    try:
        return json.loads(cell) if isinstance(cell, str) and cell[:1] in ("{", "[") else cell
    except ValueError:
        return cell


def _spread(name: str, answer: Any) -> list[dict[str, Any]]:
    """Return the results that a column's answer was made of."""
    if name == EVIDENCE:
        return [{"type": "labels", "from_name": name, "value": span} for span in answer if isinstance(span, Mapping)]
    chosen = answer["choices"] if isinstance(answer, Mapping) else [answer]
    return [{"type": "choices", "from_name": name, "value": {"choices": chosen}}]


def write(record: Record) -> dict[str, Any]:
    """Return a record as a task that Label Studio imports."""
    level = record.predictions.get("level")
    told = [_choice(target, one.value, one.score) for target, one in record.predictions.items()]
    task: dict[str, Any] = {
        "data": {_WORDS: record.text, "id": record.id, "row": record.rest, _FORM: list(record.form), "model": record.model},
        "predictions": [],
        "annotations": [
            {
                "completed_by": {"email": v.who},
                "result": [_choice(t, x, None) for t, x in v.labels.items()] + [_span(record.text, s) for s in v.spans],
            }
            for v in record.verdicts
        ],
    }
    if told or record.spans:
        result = told + [_span(record.text, span) for span in record.spans]
        task["predictions"] = [{"model_version": record.model, "score": level.score if level else None, "result": result}]
    return task


def _choice(target: str, value: int | str, score: float | None) -> dict[str, Any]:
    held = {"id": target, "from_name": target, "to_name": "text", "type": "choices", "value": {"choices": [str(value)]}}
    return held if score is None else held | {"score": score}


def _span(text: str, span: Span) -> dict[str, Any]:
    value = {"start": _units(text[: span.start]), "end": _units(text[: span.end]), "text": text[slice(*span)], "labels": [EVIDENCE]}
    return {"id": f"{EVIDENCE}-{span.start}", "from_name": EVIDENCE, "to_name": "text", "type": "labels", "value": value}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def read(task: Mapping[str, Any]) -> Record:
    """Read a task that Label Studio exported; the newest of its predictions counts."""
    data = task["data"]
    ours, texts = _FORM in data, [name for name in data if isinstance(data[name], str)]
    words = _WORDS if _WORDS in data else max(texts, key=lambda name: len(data[name]), default=_WORDS)
    form = Form(*data[_FORM]) if ours else Form(words, "id", "service_")
    known = {words, _FORM, *(("id", "row", "model") if ours else ())}
    rest = {**(data.get("row", {}) if ours else {}), **{name: value for name, value in data.items() if name not in known}}
    text = str(data.get(words, ""))
    told = (task.get("predictions") or [{}])[-1]
    told = told if isinstance(told, Mapping) else {}
    predictions, spans = {}, []
    for one in told.get("result", ()):
        if (label := _label(one)) is not None:
            predictions[_target(one)] = Prediction(label, one.get("score"))
        elif one["type"] == "labels":
            spans.append(_read_span(text, one["value"]))
    verdicts = [_verdict(text, one) for one in task.get("annotations", task.get("completions")) or () if not one.get("was_cancelled")]
    number = data["id"] if "id" in data else task.get("id")
    model = str((ours and data.get("model")) or told.get("model_version") or "")
    return Record(str(number), text, predictions, spans, model, rest, form, [v for v in verdicts if v.labels or v.spans])


def _target(one: Mapping[str, Any]) -> str:
    return as_target(one["from_name"]) or str(one["from_name"])


def _label(one: Mapping[str, Any]) -> int | str | None:
    """Return the label that a part of a result tells, or None."""
    value = one.get("value", {})
    if one.get("type") == "rating" and _target(one) == "level":
        return as_label("level", value["rating"])
    return as_label(_target(one), value["choices"][0]) if one.get("type") == "choices" and value.get("choices") else None


def _read_span(text: str, value: Mapping[str, Any]) -> Span:
    """Return a quotation's place in characters of Python's."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, end = (len(units[: 2 * int(value[side])].decode("utf-16-le", "surrogatepass")) for side in ("start", "end"))
    return Span(start, end)


def _verdict(text: str, annotation: Mapping[str, Any]) -> Verdict:
    who = annotation.get("completed_by")
    name = str(who.get("email") or who.get("id")) if isinstance(who, Mapping) else str(who)
    labels = {_target(one): label for one in annotation.get("result", ()) if (label := _label(one)) is not None}
    spans = [_read_span(text, one["value"]) for one in annotation.get("result", ()) if one.get("type") == "labels"]
    return Verdict(name, labels, spans)
