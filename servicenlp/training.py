"""Labelled interactions to a model folder: fit, judge on what the folds had not seen, write."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from servicenlp import calibration
from servicenlp.adaptation import adapt
from servicenlp.classifier import ServiceClassifier
from servicenlp.corpus import group_problems, read_corpus
from servicenlp.errors import DataError
from servicenlp.evaluation import evaluate
from servicenlp.evidence import learn_evidence
from servicenlp.grouping import split_groups
from servicenlp.model_card import PLOT, draw_reliability, judge_unseen, rare_labels, render_card
from servicenlp.persistence import load_card, load_model, save_model
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, NONE, TARGETS

Progress = Callable[[int, int], object]


def train(
    paths: list[Path], folder: Path, *, strict: bool = True, force: bool = False, n_jobs: int = -1,
    base: Path | None = None, recall: float | None = None, text_column: str | None = None, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train a model and write its folder.

    Parameters
    ----------
    paths : list of Path
        Labelled files, or folders of them; see `read_corpus`.
    folder : Path
        Where to write.
    strict : bool
        Whether a bad line is an error; if not, it is left out and reported in the card.
    force : bool
        Whether to replace a model that was learnt from other data. One that was learnt from the
        same is made anew in any case.
    n_jobs : int
        Processes; -1 is all cores. The result does not depend on it.
    base : Path, optional
        Model folder to adapt to the data; see `adapt`. Without it, a model is learnt anew.
    recall : float, optional
        Share of the criminal interactions that must be found.
    text_column : str, optional
        The column of the words; detected by default.
    progress : callable, optional
        Called with the number of steps done and their number in all.

    Returns
    -------
    dict
        The card. What was dropped, and why, is in its "left_out" (lines) and "notes" (the rest).

    Raises
    ------
    DataError
        If the data cannot be read or hold nothing to learn, or the folder another model.
    """
    _check_folder(folder)
    table, problems = read_corpus(*paths, strict=strict, text_column=text_column)
    if not force:
        refuse_other_data(folder, table)
    about: dict[str, Any] = {"data": describe_data(table), "left_out": [str(problem) for problem in problems]}
    table, outvoted = _people_first(table)
    table, labels, notes = choose_labels(table)
    about["notes"] = [*(f"Left out: {line}." for line in group_problems(problems)), *outvoted, *notes]
    groups, leaks = split_groups(table)
    unjudged = leaks | _voted(table)
    about["notes"] += _tell_unjudged(table, leaks, unjudged)
    given = load_model(base).set_params(criminal_recall=recall) if base is not None else None
    if given is None:
        model = ServiceClassifier(n_jobs=n_jobs, criminal_recall=recall)
        model.fit(table["text"], labels, table["weight"], groups, progress)
        _learn_quotations(model, table)
    else:
        model = adapt(given, table["text"], labels, table["weight"], groups, n_jobs=n_jobs, progress=progress)
        about["from"] = {"name": given.card_["name"], "id": given.card_["id"]}
    about["figures"] = _judge(model, given, table, unjudged) if groups.nunique() > 1 else {}
    about["rare"] = rare_labels(labels)
    if recall is not None and "level" in labels:
        about["threshold"] = _recall_reached(model, labels["level"], recall)
    return _write(model, folder, about)


def _people_first(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave votes on a text out where a person labelled the same text, and tell how many."""
    labelled = table[[target for target in TARGETS if target in table]].notna().any(axis=1)
    outvoted = table["voted"] & table["text"].isin(table["text"][labelled & ~table["voted"]])
    told = f"Left out: {outvoted.sum():,} interactions labelled by votes, since people labelled them too."
    return table[~outvoted].reset_index(drop=True), [told] if outvoted.any() else []


def _voted(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which interactions no person labelled, if a person labelled others: by those alone a model is judged."""
    voted = table["voted"].to_numpy(bool)
    return voted & (not voted.all())


def _tell_unjudged(table: pd.DataFrame, leaks: NDArray[np.bool_], unjudged: NDArray[np.bool_]) -> list[str]:
    notes = []
    if leaks.any():
        notes.append(f"{leaks.sum():,} interactions have near-copies in other families, and are not in the figures.")
    if table["voted"].all():
        notes.append("All labels are votes of rules and models: the figures tell how well these were learnt, not whether they are right.")
    elif weak := (unjudged & ~leaks).sum():
        notes.append(f"{weak:,} interactions have labels by votes alone, and are not in the figures.")
    return notes


def _judge(model: ServiceClassifier, given: ServiceClassifier | None, table: pd.DataFrame, unjudged: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the figures on what was not seen, and those of the model that was adapted."""
    figures = judge_unseen(model, table, unjudged)
    if given is not None and figures:
        kept = table[~unjudged].reset_index(drop=True)
        figures["before"] = evaluate(kept, given.predict_frame(kept["text"]), given.predict_proba(kept["text"]))
    return figures


def _learn_quotations(model: ServiceClassifier, table: pd.DataFrame) -> None:
    if "evidence" in table and "level" in table:
        told = table[table["level"].notna()]
        with threadpool_limits(1):  # or the last digits would depend on how many cores there are
            learn_evidence(model, list(told["text"]), told["level"].to_numpy(int) - 1, list(told["evidence"].fillna("")))


def _write(model: ServiceClassifier, folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".") as beside:  # an older model stays whole until this one is
        new = Path(beside) / folder.name
        new.mkdir()
        if about["figures"]:
            about["figures"]["plot"] = draw_reliability(about["figures"]["reliability"], new / PLOT)
        card = save_model(model, new, about)
        (new / "card.md").write_text(render_card(card), encoding="utf-8")
        for file in new.iterdir():
            os.replace(file, folder / file.name)
    return card


def _check_folder(folder: Path) -> None:
    """Raise DataError, before minutes of training, if a folder cannot be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "a folder without permission to write" if there.is_dir() else "a file of that name"
        raise DataError(f"{folder}: cannot be written. Found {what}: {there}. Choose another name.")


def choose_labels(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return what can be learnt from.

    Parameters
    ----------
    table : DataFrame
        As `read_corpus` gives it.

    Returns
    -------
    table : DataFrame
        The interactions with a label and a weight.
    labels : DataFrame
        The targets with two different labels at least; others have nothing to tell apart.
    notes : list of str
        What was dropped, and why.

    Raises
    ------
    DataError
        If nothing is left.

    Examples
    --------
    >>> table = pd.DataFrame({"text": ["late", "nice", "?"], "level": [2, 4, None], "cause": "none", "weight": 1.0})
    >>> table, labels, notes = choose_labels(table)
    >>> list(labels), len(table), notes[0]
    (['level'], 2, 'Not trained: cause: the only label is none.')
    """
    notes = []
    targets = [target for target in TARGETS if target in table and table[target].nunique() > 1]
    for target in TARGETS:
        if target in table and target not in targets:
            found = table[target].dropna().unique().tolist()
            notes.append(f"Not trained: {target}: {f'the only label is {found[0]}' if found else 'no labels'}.")
    absent = [target for target in TARGETS if target not in table]
    if absent:
        notes.append(f"Not trained: {', '.join(absent)}: no such column.")
    for target in [target for target in CATEGORY_NAMES if target in targets]:
        if not (table[target] == NONE.value).any():
            notes.append(f"{target}: none is labelled none, so it will always be failed or delighted. Write none where it was neither.")
    labelled, counted = table[targets].notna().any(axis=1), table["weight"] > 0
    if not (labelled & counted).any():
        raise DataError(f"Labelled data: nothing to learn. Found {len(table):,} rows, no target with two labels. Add labels.")
    if not labelled.all():
        notes.append(f"Left out: {(~labelled).sum():,} rows without a label.")
    if not counted[labelled].all():
        notes.append(f"Left out: {(labelled & ~counted).sum():,} rows of weight 0.")
    table = table[labelled & counted].reset_index(drop=True)
    return table, table[targets], notes


def _recall_reached(model: ServiceClassifier, level: pd.Series, recall: float) -> dict[str, Any]:
    """Tell what the threshold chosen finds and costs on interactions not seen."""
    known, criminal = level.notna().to_numpy(), (level == LEVELS[0].value).to_numpy()
    if criminal.sum() < calibration.RARE:
        return {"asked": recall, "found": None}
    proba = calibration.probabilities(model.unseen_scores_["level"][known], model.temperatures_["level"])
    flagged = calibration.decide(proba, model.offsets_["level"]) == 0
    hit = (flagged & criminal[known]).sum()
    shares = {"found": hit / criminal.sum(), "precision": hit / max(flagged.sum(), 1), "flagged": np.mean(flagged)}
    return {"asked": recall} | {name: round(float(share), 4) for name, share in shares.items()}


def refuse_other_data(folder: Path, table: pd.DataFrame) -> None:
    """Raise DataError if a folder holds a model that was learnt from other data."""
    if (folder / "card.json").is_file() and load_card(folder)["about"].get("data") != describe_data(table):
        raise DataError(f"{folder}: is there already. Found a model learnt from other data. Choose another name or add --force.")


def describe_data(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe the training data, a file a row."""
    return [
        {
            "file": str(name),
            "interactions": len(part),
            "weight": round(float(part["weight"].mean()), 3),
            "levels": [int((part["level"] == level.value).sum()) for level in LEVELS] if "level" in part else [],
        }
        for name, part in table.groupby("file")
    ]
