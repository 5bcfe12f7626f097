"""The state between two runs: counts and quotations in a file, with the place up to which they were read."""

import gzip
import json
import os
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from servicenlp.errors import DataError
from servicenlp.insights.files import ScoredFile
from servicenlp.insights.quotations import Quote
from servicenlp.insights.records import Plan, canonical, make_plan
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.tally import Tally

_VERSION = 4


def tally_frame(table: pd.DataFrame, plan: Plan, rules: RuleSet, seed: int = 0, redact: bool = False) -> Tally:
    """Count a scored DataFrame."""
    names = table.rename(columns=str)
    tally = Tally(make_plan(list(names.columns), names.head(200), "DataFrame", plan), rules, seed=seed, redact=redact)
    for first in range(0, len(names), 20_000):
        tally.add(canonical(names.iloc[first : first + 20_000], tally.plan, first))
    tally.n_rows = len(names)
    return tally


def tally_file(path: Path, plan: Plan, rules: RuleSet, state: Path | None = None, seed: int = 0, redact: bool = False) -> Tally:
    """Count a scored file; with a state, only the rows appended since.

    Parameters
    ----------
    path : Path
        The scored file.
    plan : Plan
        Which columns mean what; those not named are found.
    rules : RuleSet
        What to look for in the words.
    state : Path, optional
        Where the state of the last run is, and that of this one will be. It is read if it is of the
        same file, columns and rules and the file has only grown since; else all is counted anew.
    seed : int
        Of the drawing of quotations.
    redact : bool
        Whether quotations are masked.
    """
    file = ScoredFile(path)
    task = {"version": _VERSION, "asked": asdict(plan), "rules": rules.digest, "seed": seed, "redact": redact}
    tally, position = _load(file, state, task, rules) if state else (None, 0)
    if tally is None:
        head = file.head()
        if head.columns.empty:
            raise DataError(f"{path}: no rows. Found an empty file. Score something first.")
        tally = Tally(make_plan(list(head.columns), head, str(path), plan), rules, seed=seed, redact=redact)
    for part in file.parts(tally.n_rows, position, tally.plan.columns):
        tally.add(canonical(part.rows, tally.plan, part.first))
        tally.n_rows = part.first + len(part.rows)
        position = part.position or 0
    if state:
        _save(tally, file, position, state, task)
    return tally


def _load(file: ScoredFile, state: Path, task: dict[str, Any], rules: RuleSet) -> tuple[Tally | None, int]:
    """Return the tally of the last run and where it ended; None if it does not go on from there."""
    if not state.exists() or not file.path.is_file():
        return None, 0
    try:
        told = json.loads(gzip.decompress(state.read_bytes()))
        fits = told["task"] == json.loads(json.dumps(task))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{state}: not a state of ours. Found {type(error).__name__}. Name another file, or delete this one.") from error
    position = told["position"]
    if not fits or not file.grows or position > file.path.stat().st_size or told["digest"] != file.digest(position):
        return None, 0
    asked = {**told["plan"], "by": tuple(told["plan"]["by"])}
    tally = Tally(Plan(**asked), rules, told["n_rows"], seed=task["seed"], redact=task["redact"])
    tally.counts = {name: Counter({tuple(key): n for *key, n in rows}) for name, rows in told["counts"].items()}
    tally.quotes = {tuple(key): [(draw, Quote(*quote)) for draw, quote in drawn] for key, drawn in told["quotes"]}
    tally.extremes = {name: [(p, row, Quote(*quote)) for p, row, quote in kept] for name, kept in told["extremes"].items()}
    tally.groups = {name: set(groups) for name, groups in told["groups"].items()}
    return tally, position


def _save(tally: Tally, file: ScoredFile, position: int, state: Path, task: dict[str, Any]) -> None:
    told = {
        "task": task,
        "position": position,
        "digest": file.digest(position),
        "plan": asdict(tally.plan),
        "n_rows": tally.n_rows,
        "counts": {name: [[*key, n] for key, n in counter.items()] for name, counter in tally.counts.items()},
        "quotes": [[key, drawn] for key, drawn in tally.quotes.items()],
        "extremes": tally.extremes,
        "groups": {name: sorted(groups) for name, groups in tally.groups.items()},
    }
    try:
        handle, name = tempfile.mkstemp(dir=state.parent, prefix=f".{state.name}.")
    except OSError as error:
        raise DataError(f"{state}: cannot be written. Found: {error.strerror}. Choose a folder that you may write to.") from error
    with os.fdopen(handle, "wb") as out:  # private, as a temporary file is: it holds customers' words
        out.write(gzip.compress(json.dumps(told).encode(), 5, mtime=0))
    os.replace(name, state)
