"""Predictions against labels: the figures by which a model is judged."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, precision_recall_fscore_support

from servicenlp.classifier import ServiceClassifier
from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, TARGETS, values


class Judged(NamedTuple):
    """A model's figures on labelled data: overall, by group, and level against predicted level.

    `learnt` names the files that the model has learnt from: its figures there are too good.
    """

    figures: dict[str, float]
    groups: pd.DataFrame | None
    confusion: pd.DataFrame
    n: int
    learnt: list[str]


def evaluate_model(
    model: ServiceClassifier, paths: tuple[str | Path, ...], by: str | None = None, *, strict: bool = True, text_column: str | None = None
) -> Judged:
    """Judge a model on labelled files.

    Raises
    ------
    DataError
        If the data cannot be read, holds no level, or lacks the column `by`.
    """
    table = read_corpus(*paths, strict=strict, text_column=text_column, extra=[by] if by else []).table
    if "level" not in table or table["level"].isna().all():
        raise DataError(f"{', '.join(map(str, paths))}: no levels to compare with. Found none. Add a column level (1 to 6).")
    table = table[table["level"].notna()].reset_index(drop=True)
    if by and by not in table:
        raise DataError(f"--by: no column {by!r}. Found {', '.join(map(repr, table.columns))}. Choose one of them.")
    predicted, proba = model.predict_frame(table["text"]), model.predict_proba(table["text"])
    groups = by_group(table, predicted, table[by].replace("", "(none)")) if by else None
    sizes = dict(table["file"].value_counts())
    data = getattr(model, "card_", {"about": {}})["about"].get("data", [])
    learnt = [given["file"] for given in data if sizes.get(given["file"]) == given["interactions"]]
    return Judged(evaluate(table, predicted, proba), groups, confusion(table, predicted), len(table), learnt)


def render(judged: Judged) -> str:
    """Return the figures for a terminal."""
    lines = [f"{judged.n:,} interactions", *(f"  {name:<28} {value:6.3f}" for name, value in judged.figures.items())]
    if judged.learnt:
        lines += [f"The model has learnt from {', '.join(judged.learnt)}: its figures are too good here."]
    lines += ["", "Level (rows) taken for level (columns)", judged.confusion.to_string()]
    if judged.groups is not None:
        lines += ["", judged.groups.to_string(index=False, float_format="{:.3f}".format)]
    return "\n".join(lines)


def evaluate(labels: pd.DataFrame, predicted: pd.DataFrame, proba: NDArray[np.float64]) -> dict[str, float]:
    """Return the figures of one set of predictions.

    Parameters
    ----------
    labels, predicted : DataFrame
        A column for each target, row by row the same interactions; targets absent from either
        are passed over, and so are missing labels.
    proba : array, shape (n_interactions, 6)
        Probabilities of the levels.

    Returns
    -------
    dict of str to float
        Level: accuracy, share within one level, quadratic kappa (agreement beyond chance, far
        misses counted more), F1 of bad (1 and 2), share of criminal interactions among the 30%
        of highest probability, expected calibration error. Mean F1 of failed and delighted over
        the four categories. Macro F1 of the other targets.

    Examples
    --------
    >>> labels, predicted = pd.DataFrame({"level": [1, 2, 4]}), pd.DataFrame({"level": [1, 1, 4]})
    >>> figures = evaluate(labels, predicted, np.eye(6)[[0, 0, 3]])
    >>> round(figures["level accuracy"], 2), figures["level within one"]
    (0.67, 1.0)
    """
    out: dict[str, float] = {}
    known = labels["level"].notna().to_numpy() if "level" in labels else np.zeros(len(labels), bool)
    if known.any():
        out |= _level_figures(labels["level"][known].to_numpy(np.int64), predicted["level"][known].to_numpy(), proba[known])
    f1 = []
    for category in CATEGORY_NAMES:
        if category in labels and category in predicted and labels[category].notna().any():
            for outcome in ("failed", "delighted"):
                f1.append(f1_score(labels[category] == outcome, predicted[category] == outcome, zero_division=0))
    if f1:
        out["category mean F1"] = float(np.mean(f1))
    for target in list(TARGETS)[1 + len(CATEGORY_NAMES) :]:
        if target in labels and target in predicted and labels[target].notna().any():
            rows = labels[target].notna()
            seen = sorted(labels[target][rows].unique())
            out[f"{target} macro F1"] = float(
                f1_score(labels[target][rows], predicted[target][rows], average="macro", labels=seen, zero_division=0)
            )
    return out


def _level_figures(level: NDArray[np.int64], guess: NDArray[np.int64], proba: NDArray[np.float64]) -> dict[str, float]:
    top = np.argsort(-proba[:, 0], kind="stable")[: int(np.ceil(0.3 * len(level)))]
    criminal = level == LEVELS[0].value
    figures = {
        "level accuracy": accuracy_score(level, guess),
        "level within one": float(np.mean(abs(level - guess) <= 1)),
        "level quadratic kappa": _kappa(level, guess),
        "bad (1-2) F1": f1_score(level <= 2, guess <= 2, zero_division=0),
    }
    if criminal.any():
        figures["criminal recall, top 30%"] = float(criminal[top].sum() / criminal.sum())
    return figures | {"calibration error": calibration_error(proba, level)}


def calibration_error(proba: NDArray[np.float64], level: NDArray[np.int64], bins: int = 10) -> float:
    """Return the mean gap between confidence and accuracy over bins of equal size."""
    confidence = proba.max(axis=1)
    right = proba.argmax(axis=1) + 1 == level
    return float(sum(abs(confidence[p].mean() - right[p].mean()) * len(p) for p in calibration_bins(proba, bins)) / len(level))


def calibration_bins(proba: NDArray[np.float64], bins: int = 10) -> list[NDArray[np.int64]]:
    """Return the indices of the interactions in each bin of equal size, by confidence; empty bins are left out."""
    order = np.argsort(proba.max(axis=1), kind="stable")
    return [part for part in np.array_split(order, bins) if len(part)]


def reliability(proba: NDArray[np.float64], level: NDArray[np.int64], bins: int = 10) -> pd.DataFrame:
    """Return how sure a model was of its most probable level, and how often it was right.

    Parameters
    ----------
    proba : array, shape (n_interactions, 6)
        Probabilities of the levels.
    level : array of int, shape (n_interactions,)
        The true levels, 1 to 6.
    bins : int
        Of equal size, by confidence.

    Returns
    -------
    DataFrame
        n, confidence and accuracy of each bin; where the last two are the same, probabilities
        mean what they say.

    Examples
    --------
    >>> reliability(np.tile([0.8, 0.2, 0, 0, 0, 0], (4, 1)), np.array([1, 1, 1, 2]), bins=1).values.tolist()
    [[4.0, 0.8, 0.75]]
    """
    confidence = proba.max(axis=1)
    right = proba.argmax(axis=1) + 1 == level
    rows = [{"n": len(p), "confidence": confidence[p].mean(), "accuracy": right[p].mean()} for p in calibration_bins(proba, bins)]
    return pd.DataFrame(rows)


def by_label(labels: pd.Series, predicted: pd.Series, target: str) -> pd.DataFrame:
    """Return, for each label of a target, how many there are, precision, recall and F1.

    Parameters
    ----------
    labels, predicted : Series
        Of the same interactions, in the same order; those without a label are passed over.
    target : str
        The target.

    Examples
    --------
    >>> by_label(pd.Series([1, 1, 2]), pd.Series([1, 2, 2]), "level").loc[0].to_dict()
    {'label': 1, 'n': 2, 'precision': 1.0, 'recall': 0.5, 'F1': 0.6666666666666666}
    """
    known = labels.notna().to_numpy()
    names = values(target)
    true, guess = labels[known].tolist(), predicted[known].tolist()
    precision, recall, f1, n = precision_recall_fscore_support(true, guess, labels=names, zero_division=0)
    columns = {"label": names, "n": n, "precision": precision, "recall": recall, "F1": f1}
    return pd.DataFrame(columns).astype({"label": object})


def _kappa(level: ArrayLike, guess: ArrayLike) -> float:
    """Return the quadratic kappa, or nan where there is one level only and nothing to agree on."""
    varied = len(np.union1d(level, guess)) > 1
    return float(cohen_kappa_score(level, guess, weights="quadratic")) if varied else float("nan")


def by_group(labels: pd.DataFrame, predicted: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Return size, accuracy and quadratic kappa of the level in each group.

    Examples
    --------
    >>> labels, predicted = pd.DataFrame({"level": [1, 2, 4]}), pd.DataFrame({"level": [1, 2, 3]})
    >>> by_group(labels, predicted, pd.Series(["chat", "chat", "call"]))[["group", "n", "accuracy"]].values.tolist()
    [['call', 1, 0.0], ['chat', 2, 1.0]]
    """
    rows: list[dict[str, Any]] = []
    for name, index in labels.groupby(group.to_numpy()).groups.items():
        level, guess = labels["level"][index].astype(int), predicted["level"][index]
        rows.append({"group": name, "n": len(index), "accuracy": accuracy_score(level, guess), "kappa": _kappa(level, guess)})
    return pd.DataFrame(rows)


def confusion(labels: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return how often each level (row) was taken for each (column).

    Examples
    --------
    >>> confusion(pd.DataFrame({"level": [1, 1, 2]}), pd.DataFrame({"level": [1, 2, 2]})).loc[1].tolist()
    [1, 1, 0, 0, 0, 0]
    """
    known = labels["level"].notna()
    return pd.crosstab(labels["level"][known].astype(int), predicted["level"][known]).reindex(
        index=values("level"), columns=values("level"), fill_value=0
    )
