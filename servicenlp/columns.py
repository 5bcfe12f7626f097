"""The columns that we add: their names, what their cells can hold, and a batch of them as numbers."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from servicenlp.calibration import CONFIDENCES
from servicenlp.evidence import Spans
from servicenlp.interactions import CUSTOMER
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, TARGETS, values

SCORED = "scored"
FLAGS = {
    "criminal": "a promise broken or a minimum violated",
    "extra-mile": "level 5 or 6",
    "churn-risk": "the relationship failed",
    "recovered": "a category failed, and yet the level is 3 or better",
    "company-first": "the company put its own bottom line first",
    "needs-review": "confidence is low",
}

COLUMNS = [
    "level", "level_name", "confidence", *[f"p_level_{level.value}" for level in LEVELS], "expected_level",
    *[name for category in CATEGORY_NAMES for name in (category, f"{category}_p")],
    "focus", "ring", "cause", "interest",
    "evidence", "evidence_start", "evidence_end", "evidence_turn", "evidence_speaker",
    "interaction", "flags", "status", "model",
]  # fmt: skip
PROBABILITIES = [name for name in COLUMNS if name.startswith("p_") or name.endswith("_p")]

# What is not text among them.
KINDS: dict[str, type] = {
    **dict.fromkeys(["level", "evidence_start", "evidence_end", "evidence_turn"], int),
    **dict.fromkeys(PROBABILITIES, float),
    "expected_level": float,
}

Columns = dict[str, list[Any]]
Tables = dict[str, NDArray[np.object_]]

_P_STEPS, _LEVEL_STEPS = 10_000, 1000  # probabilities have four decimals, the expected level three


class Scores(NamedTuple):
    """Our columns for a batch, as numbers: small, and at little cost sent from process to process.

    Attributes
    ----------
    codes : dict of str to array of int16, shape (n_texts,)
        Index of each cell in the column's table, -1 for an empty one.
    spans : Spans
        Where the evidence is.
    status : list of str
        Scored, or why not.
    model : str
        The model's name.
    """

    codes: dict[str, NDArray[np.int16]]
    spans: Spans
    status: list[str]
    model: str


def _tables() -> dict[str, list[Any]]:
    """Return the cells that each column can hold, in the order of their codes."""
    return {
        **{target: values(target) for target in TARGETS},
        "level_name": [level.name for level in LEVELS],
        "confidence": list(CONFIDENCES),
        "expected_level": [k / _LEVEL_STEPS for k in range(len(LEVELS) * _LEVEL_STEPS + 1)],
        **dict.fromkeys(PROBABILITIES, [k / _P_STEPS for k in range(_P_STEPS + 1)]),
        "flags": ["|".join(name for bit, name in enumerate(FLAGS) if code >> bit & 1) for code in range(1 << len(FLAGS))],
    }


# The last entry is that of code -1.
VALUES: Tables = {name: np.array([*cells, None], object) for name, cells in _tables().items()}
TEXTS: Tables = {name: np.array([*map(str, cells), ""], object) for name, cells in _tables().items()}  # as CSV has them


def probability_codes(proba: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the codes of probabilities."""
    return np.rint(proba * _P_STEPS).astype(np.int16)


def level_codes(expected: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the codes of expected levels."""
    return np.rint(expected * _LEVEL_STEPS).astype(np.int16)


def flag_codes(raised: Sequence[NDArray[np.bool_]]) -> NDArray[np.int16]:
    """Return the codes of flags, given whether each of `FLAGS` is raised."""
    return np.array(sum(flag.astype(np.int16) << bit for bit, flag in enumerate(raised)))


def tally(scores: Scores, name: str) -> Counter[Any]:
    """Count the cells of a column that `VALUES` has, but for the empty ones."""
    if name not in scores.codes:
        return Counter()
    counts = np.bincount(scores.codes[name] + 1)[1:].tolist()  # -1 first, which is empty
    return Counter({VALUES[name][code]: n for code, n in enumerate(counts) if n})


def cells(scores: Scores, texts: Sequence[Any], tables: Tables, made: Collection[int] = ()) -> Columns:
    """Return the cells of `COLUMNS`; where there is nothing, None or, in `TEXTS`, an empty text.

    Parameters
    ----------
    scores : Scores
        Of a batch.
    texts : sequence
        What was scored.
    tables : dict of str to array
        `VALUES` or, for a file that holds text only, `TEXTS`.
    made : collection of int
        Which texts are no cells of the input, so that the column interaction must show them.
    """
    nothing, number = ("", str) if tables is TEXTS else (None, int)
    out: Columns = {name: [nothing] * len(texts) for name in COLUMNS}
    out |= {name: tables[name][codes].tolist() for name, codes in scores.codes.items()}
    start, end, turn = (part.tolist() for part in scores.spans)
    scored = [why == SCORED for why in scores.status]
    out["evidence"] = [text[a:b] if ok else nothing for text, a, b, ok in zip(texts, start, end, scored, strict=True)]
    for name, places in (("evidence_start", start), ("evidence_end", end), ("evidence_turn", turn)):
        out[name] = [number(place) if place >= 0 else nothing for place in places]
    out["evidence_speaker"] = [CUSTOMER if a >= 0 else nothing for a in start]  # nobody else is quoted
    out["interaction"] = [(text or nothing) if i in made else nothing for i, text in enumerate(texts)] if made else out["interaction"]
    out["status"] = scores.status
    out["model"] = [scores.model if ok else nothing for ok in scored]
    return out
