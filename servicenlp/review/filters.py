"""Which scored items a bulk decision or a queue is for."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from servicenlp.columns import FLAGS
from servicenlp.errors import DataError
from servicenlp.review.scored import ScoredFile
from servicenlp.taxonomy import CATEGORY_NAMES


@dataclass(frozen=True)
class Filter:
    """What a bulk decision is for; an empty part lets everything through.

    Attributes
    ----------
    levels : tuple of int
        Predicted levels.
    outcomes : dict of str to str
        Predicted outcomes by category: {"delivery": "failed"}.
    flags : tuple of str
        All of which it must have; see `servicenlp.scoring.FLAGS`.
    confidence : tuple of str
        high, medium, low.
    min_probability : float
        Of the predicted level.
    words : str
        What must stand in the text, in any case of letters.
    fields : dict of str to str
        What must stand in columns of the original row: {"Channel": "email"}.
    """

    levels: tuple[int, ...] = ()
    outcomes: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    confidence: tuple[str, ...] = ()
    min_probability: float = 0.0
    words: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def matching(scored: ScoredFile, wanted: Filter) -> NDArray[np.int64]:
    """Return the indices of the items that match, in the file's order.

    Raises
    ------
    DataError
        If a category, flag or column is unknown.
    """
    match = np.ones(len(scored), bool)
    if wanted.levels:
        match &= np.isin(scored.level, wanted.levels)
    if wanted.min_probability > 0:
        match &= scored.sureness >= wanted.min_probability
    for category, outcome in wanted.outcomes.items():
        if category not in CATEGORY_NAMES:
            raise DataError(f"Filter: no category {category!r}. Found others only. Choose from {', '.join(CATEGORY_NAMES)}.")
        match &= np.array([cell == outcome for cell in scored.column(category)], bool)
    for flag in wanted.flags:
        if flag not in FLAGS:
            raise DataError(f"Filter: no flag {flag!r}. Found others only. Choose from {', '.join(FLAGS)}.")
        match &= np.array([flag in (cell or "").split("|") for cell in scored.column("flags")], bool)
    if wanted.confidence:
        match &= np.isin(np.array([cell or "" for cell in scored.column("confidence")]), wanted.confidence)
    for name, cell in wanted.fields.items():
        match &= np.array([str(found) == cell for found in scored.column(name)], bool)
    chosen = np.flatnonzero(match)
    if wanted.words:
        sought = wanted.words.casefold()
        chosen = np.array([i for i in chosen if sought in scored.texts[i].casefold()], np.int64)
    return chosen
