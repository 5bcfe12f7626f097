"""Why this label: what each term adds to its score, exactly."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from servicenlp.calibration import decide
from servicenlp.classifier import ServiceClassifier, require_level
from servicenlp.errors import DataError
from servicenlp.evidence import find_evidence
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.taxonomy import LEVELS, values

Floats = NDArray[np.floating]


class Contribution(NamedTuple):
    """What one occurrence of a term adds to the score of a label; `start` and `end` are characters."""

    term: str
    start: int
    end: int
    value: float


def explain(model: ServiceClassifier, text: str, target: str = "level") -> tuple[int | str, float, list[Contribution]]:
    """Explain one prediction.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    text : str
        The interaction.
    target : str
        What to explain; the level by default.

    Returns
    -------
    label : int or str
        The one that is predicted.
    bias : float
        The part of its score that no word has.
    contributions : list of Contribution
        Largest first, whatever its sign. With the bias they sum to the score of the label less the mean score of all
        labels, to the last digit that arithmetic allows.

    Raises
    ------
    DataError
        If the model has no such target.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> label, bias, contributions = explain(load_model(), "Never again.")
    >>> label, contributions[0].term
    (1, 'not:again')
    """
    if target not in model.outputs_:
        raise DataError(f"--target: no such target. Found {target!r}. Choose from {', '.join(model.outputs_)}.")
    terms = find_terms([text], [split_turns(text)])
    scores, columns, divisor = model.score_terms(terms, 1)
    outputs = model.outputs_[target]
    label = int(decide(model.probabilities(scores)[target], model.offsets_[target])[0])
    weights = _centred(model.coef_[:, outputs])[:, label] / divisor[0]
    found = [
        Contribution(
            terms.name(i, [text]),
            int(terms.start[terms.word[i]]),
            int(terms.end[terms.word[i] + terms.length[i] - 1]),
            float(weights[columns[i]]),
        )
        for i in np.flatnonzero(columns >= 0).tolist()
    ]
    bias = float(_centred(model.intercept_[None, outputs])[0, label])
    return values(target)[label], bias, sorted(found, key=lambda c: -abs(c.value))


def _centred(weights: Floats) -> Floats:
    return weights - weights.mean(axis=1, keepdims=True)


def describe(model: ServiceClassifier, text: str, target: str = "level") -> dict[str, Any]:
    """Return one text's prediction and its reasons as plain values, ready for JSON."""
    if not any(map(str.isalpha, text)):
        raise DataError(f"Text: nothing to explain. Found {text!r}. Give a text with words in it.")
    require_level(model)
    terms = find_terms([text], [split_turns(text)])
    scores, columns, _ = model.score_terms(terms, 1)
    proba = {name: p[0] for name, p in model.probabilities(scores).items()}
    decided = {name: decide(p[None], model.offsets_[name])[0] for name, p in proba.items()}
    span = find_evidence(model, terms, columns, np.array([decided["level"]]), 1)
    label, bias, contributions = explain(model, text, target)
    return {
        "text": text,
        "predicted": {name: values(name)[k] for name, k in decided.items()},
        "probability": {name: round(float(proba[name][k]), 4) for name, k in decided.items()},
        "level_probabilities": [round(float(p), 4) for p in proba["level"]],
        "evidence": text[span.start[0] : span.end[0]] if span.start[0] >= 0 else "",
        "explained": {"target": target, "label": label, "bias": bias},
        "contributions": [c._asdict() for c in contributions],
    }


def render(described: dict[str, Any], most: int = 12) -> str:
    """Return what `describe` found, for a terminal of 80 columns."""
    predicted, probability = described["predicted"], described["probability"]
    level = LEVELS[predicted["level"] - 1]
    lines = [f"Level {level.value} {level.name} ({probability['level']:.2f}): {level.meaning}", ""]
    for label, p in zip(LEVELS, described["level_probabilities"], strict=True):
        lines.append(f"{label.value} {label.name:<13} {'█' * round(40 * p):<40} {p:.2f}")
    lines.append("")
    lines += [f"{name:<13} {predicted[name]} ({probability[name]:.2f})" for name in predicted if name != "level"]
    if described["evidence"]:
        lines += ["", f"Evidence: {described['evidence']!r}"]
    about, terms = described["explained"], described["contributions"]
    lines += ["", f"What speaks for {about['target']} {about['label']} (+) and against it (-):"]
    lines += [f"  {c['value']:+.3f}  {c['term']}" for c in terms[:most]]
    rest = sum(c["value"] for c in terms[most:])
    lines += [f"  {rest:+.3f}  {len(terms) - most} other terms"] if len(terms) > most else []
    return "\n".join([*lines, f"  {about['bias']:+.3f}  what no word has"])
