"""Labelled interactions to what is likely wrong with them: labels, copies, and what leaks between families."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError, ServicenlpError
from servicenlp.grouping import split_groups
from servicenlp.review.near_copies import near_copies
from servicenlp.taxonomy import CATEGORY_NAMES, values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = {
    "label": "labels that a model doubts which had not read them",
    "contradiction": "labels that cannot both be right",
    "conflict": "near-copies with different levels",
    "copy": "near-copies with the same level",
    "leak": "near-copies in different families, on both sides of a split",
}
AUDITED = ("level", *CATEGORY_NAMES)
COLUMNS = ["kind", "file", "id", "target", "label", "suggested", "p_label", "p_suggested", "with", "text"]


def audit_labels(
    table: pd.DataFrame, model: ServiceClassifier | None = None, progress: Callable[[int, int], object] | None = None
) -> pd.DataFrame:
    """Find what is likely wrong with labelled interactions.

    Parameters
    ----------
    table : DataFrame
        As `read_corpus` gives it.
    model : ServiceClassifier, optional
        Judges the labels; it must not have learnt from them. By default models do that are
        trained on the rest of the table, family by family; that takes some hundred interactions.
    progress : callable, optional
        Called with the number of regressions done and their number in all.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row for each finding, of the kinds of `KINDS`; the most doubtful labels
        first. Findings are to be read, not to be believed: rare but right labels are among them.

    Raises
    ------
    ServicenlpError
        If the package cleanlab is not installed.
    DataError
        If there are no labels to judge.

    Notes
    -----
    Northcutt, Jiang and Chuang (2021), *Confident Learning*, as in the package cleanlab.
    """
    table = table.reset_index(drop=True)
    targets = [target for target in AUDITED if target in table and table[target].nunique() > 1]
    if not targets:
        raise DataError(f"Labelled data: nothing to audit. Found {len(table):,} rows without two labels of a target. Add labels.")
    groups, _ = split_groups(table)
    proba = _judge(table, targets, model, groups, progress)
    found = [row for target in targets for row in _doubt(table, target, proba[target])]
    found.sort(key=lambda row: row["p_label"])
    found += [*_contradictions(table), *_copies(table)]
    rows = [{"file": table["file"][row["at"]], "id": _id(table, row["at"]), "text": table["text"][row["at"]], **row} for row in found]
    out = pd.DataFrame(rows, columns=COLUMNS)
    return out.assign(label=[_plain(cell) for cell in out["label"]], suggested=[_plain(cell) for cell in out["suggested"]])


def _judge(
    table: pd.DataFrame, targets: list[str], model: ServiceClassifier | None, groups: pd.Series,
    progress: Callable[[int, int], object] | None,
) -> dict[str, Floats]:  # fmt: skip
    """Return the probabilities of each target's labels, by models that had not read them."""
    if model is not None:
        scores = model.score_texts(table["text"])
        return {target: proba for target, proba in model.probabilities(scores).items() if target in targets}
    if groups.nunique() < 2:
        raise DataError("Labelled data: one group only. Found no two families. Name a model to judge by: -m models/default.")
    fitted = ServiceClassifier(n_jobs=-1).fit(table["text"], table[targets], table["weight"], groups, progress)
    return {target: calibration.probabilities(scores, fitted.temperatures_[target]) for target, scores in fitted.unseen_scores_.items()}


def _doubt(table: pd.DataFrame, target: str, proba: Floats) -> list[dict[str, Any]]:
    """Return the labels of one target that confident learning finds wrong."""
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise ServicenlpError(
            "servicenlp audit: the package cleanlab is missing. Found none. Run: pip install 'servicenlp[audit]'."
        ) from error
    code = pd.Index(values(target)).get_indexer(pd.Index(table[target]))
    known = np.flatnonzero(code >= 0)
    seen, label = np.unique(code[known], return_inverse=True)
    share = proba[np.ix_(known, seen)]
    share = share / share.sum(axis=1, keepdims=True)
    # In this process: the work is small, and not every machine lets processes share memory.
    issues = find_label_issues(label, share, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1)
    return [
        {
            "kind": "label", "at": known[i], "target": target, "label": table[target][known[i]],
            "suggested": values(target)[seen[share[i].argmax()]], "p_label": round(float(share[i, label[i]]), 4),
            "p_suggested": round(float(share[i].max()), 4),
        }
        for i in issues
        if seen[share[i].argmax()] != code[known[i]]
    ]  # fmt: skip


def _contradictions(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the labels that contradict each other: a bad level without a failure, a good one without a delight."""
    if not {"level", *CATEGORY_NAMES} <= set(table):
        return []
    outcomes = table[list(CATEGORY_NAMES)]
    told = outcomes.notna().all(axis=1)
    level = table["level"]
    lacking = {
        "failed": (level <= 2) & ~(outcomes == "failed").any(axis=1),
        "delighted": (level >= 4) & ~(outcomes == "delighted").any(axis=1),
    }
    return [
        {"kind": "contradiction", "at": i, "target": "level", "label": level[i], "suggested": f"a category {outcome}"}
        for outcome, rows in lacking.items()
        for i in np.flatnonzero(rows & told)
    ]


def _copies(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return near-copies, with the first of each group; digits and case do not count."""
    copies = np.array(near_copies(list(table["text"])))
    level = table["level"] if "level" in table else pd.Series([None] * len(table))
    family = table["family"].astype(str)
    found: list[dict[str, Any]] = []
    for i in np.flatnonzero(copies != np.arange(len(table))):
        first = int(copies[i])
        both = pd.notna(level[i]) and pd.notna(level[first])
        kind = "conflict" if both and level[i] != level[first] else "copy"
        row = {"at": i, "target": "level", "label": level[i], "with": _id(table, first)}
        found.append({"kind": kind, "suggested": level[first] if kind == "conflict" else None, **row})
        if family[i] != family[first]:
            found.append({"kind": "leak", **row, "target": "family", "label": family[i], "suggested": family[first]})
    return sorted(found, key=lambda row: list(KINDS).index(row["kind"]))


def _plain(cell: Any) -> Any:
    """Return a level as a whole number, which a column with gaps holds as another."""
    return int(cell) if isinstance(cell, float) and cell == cell else cell


def _id(table: pd.DataFrame, i: int) -> str:
    """Return what an interaction is called; its number from 1 on, where it has no id."""
    named = str(table["id"][i]) if "id" in table and isinstance(table["id"][i], str) else ""
    return named or f"number {i + 1}"


def render(found: pd.DataFrame, n: int, most: int = 12) -> str:
    """Return the findings for a terminal of 80 columns.

    Parameters
    ----------
    found : DataFrame
        As `audit_labels` gives it.
    n : int
        How many interactions were audited.
    most : int
        How many to show of each kind.
    """
    lines = [f"{n:,} interactions"]
    lines += [f"{(found['kind'] == kind).sum():7,}  {meaning}" for kind, meaning in KINDS.items()]
    for kind in KINDS:
        part = found[found["kind"] == kind].head(most)
        lines += ["", kind] if len(part) else []
        for row in part.to_dict("records"):
            told = f"  {row['id']} {row['target']} {row['label']}"
            told += f" -> {row['suggested']}" if row["suggested"] is not None and row["suggested"] == row["suggested"] else ""
            told += f" ({row['p_label']:.3f})" if kind == "label" else f", as {row['with']}" if isinstance(row["with"], str) else ""
            lines += [told[:80], f"    {' '.join(row['text'].split())[:74]}"]
    return "\n".join(lines)
