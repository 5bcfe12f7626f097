"""Label Studio's tasks: predictions to import, annotations to read back.

The labelling configuration that belongs to them is `CONFIG`. Label Studio counts characters as
JavaScript does, in units of UTF-16; here they are converted.
"""

from collections.abc import Mapping
from typing import Any

from servicenlp.records import EVIDENCE, Form, Prediction, Record, Span, Verdict, as_label
from servicenlp.taxonomy import TARGETS, values

_FORM = "servicenlp"  # the datum that tells how the columns were named
_WORDS = "text"


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
    """Tell whether it is a task of Label Studio."""
    return isinstance(task.get("data"), Mapping) and ("annotations" in task or "predictions" in task or "completions" in task)


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
    form = Form(*data[_FORM]) if _FORM in data else Form(_WORDS, "id", "service_")
    known = {_WORDS, _FORM, "row", "model"} | ({"id"} if _FORM in data else set())
    rest = {**data.get("row", {}), **{name: value for name, value in data.items() if name not in known}}
    text = data[_WORDS] if _WORDS in data else next(value for value in data.values() if isinstance(value, str))
    told = (task.get("predictions") or [{}])[-1]
    told = told if isinstance(told, Mapping) else {}
    predictions, spans = {}, []
    for one in told.get("result", ()):
        if (label := _label(one)) is not None:
            predictions[one["from_name"]] = Prediction(label, one.get("score"))
        elif one["type"] == "labels":
            spans.append(_read_span(text, one["value"]))
    verdicts = [_verdict(text, one) for one in task.get("annotations", task.get("completions")) or () if not one.get("was_cancelled")]
    number = data["id"] if "id" in data else task.get("id")
    model = str(data.get("model") or told.get("model_version") or "")
    return Record(str(number), text, predictions, spans, model, rest, form, [v for v in verdicts if v.labels or v.spans])


def _label(one: Mapping[str, Any]) -> int | str | None:
    """Return the label that a part of a result tells, or None."""
    value = one.get("value", {})
    if one.get("type") == "rating" and one["from_name"] == "level":
        return as_label("level", value["rating"])
    return as_label(one["from_name"], value["choices"][0]) if one.get("type") == "choices" and value.get("choices") else None


def _read_span(text: str, value: Mapping[str, Any]) -> Span:
    """Return a quotation's place in characters of Python's."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, end = (len(units[: 2 * int(value[side])].decode("utf-16-le", "surrogatepass")) for side in ("start", "end"))
    return Span(start, end)


def _verdict(text: str, annotation: Mapping[str, Any]) -> Verdict:
    who = annotation.get("completed_by")
    name = str(who.get("email") or who.get("id")) if isinstance(who, Mapping) else str(who)
    labels = {one["from_name"]: label for one in annotation.get("result", ()) if (label := _label(one)) is not None}
    spans = [_read_span(text, one["value"]) for one in annotation.get("result", ()) if one.get("type") == "labels"]
    return Verdict(name, labels, spans)
