"""What customers said of their satisfaction in the export itself: found by column name and scale, as 0 to 1."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from servicenlp.errors import DataError
from servicenlp.readers.shape import mapping
from servicenlp.review.scored import ScoredFile

# Names that help desks and survey tools give to it, the most particular first.
_NAMES = (
    r"\bcsat\b",
    r"(customer )?satisfaction( rating| score)?$",
    r"satisf|zufrieden|satisfaccion|soddisfazione|tevreden",
    r"survey results?$",
    r"conversation rating",
    r"\bnps\b",
    r"\brating$|^ratings?\b|\bstars?$|bewertung|note$|estrellas",
    r"experience score|smiley|feedback score",
)
_WORDS_AT = {
    0.0: (
        "very bad|terrible|awful|horrible|very poor|bad|poor|not good|very dissatisfied|extremely dissatisfied|"
        "highly dissatisfied|very unsatisfied|not at all satisfied|very unhappy|extremely unhappy|badwithcomment|"
        "bad with comment|detractor|negative|thumbs down|no|👎|😠"
    ),
    0.125: "dissatisfied|unsatisfied|not satisfied|unhappy|not happy|disappointed",
    0.25: "somewhat dissatisfied|somewhat unhappy",
    0.5: "ok|okay|fair|neutral|average|passive|neither|😐|neither satisfied nor dissatisfied",
    0.75: "somewhat satisfied|somewhat happy",
    0.875: "satisfied|happy",
    1.0: (
        "good|goodwithcomment|good with comment|very good|great|excellent|outstanding|very satisfied|extremely satisfied|"
        "highly satisfied|completely satisfied|very happy|extremely happy|delighted|awesome|promoter|positive|thumbs up|yes|"
        "amazing|👍|😃"
    ),
}  # of the way from bad to good
_WORDS = {word: score for score, words in _WORDS_AT.items() for word in words.split("|")}
# Freshdesk's numbers for what its export says in words, from extremely unhappy to extremely happy.
_CODES = {"-103": 0.0, "-102": 0.0, "-101": 0.125, "100": 0.5, "101": 0.875, "102": 1.0, "103": 1.0}
_NUMBER = re.compile(r"^\s*([+-]?\d+(?:[.,]\d+)?)\s*(?:(%)|(?:/|of|out of|von|sur)\s*(\d+)|stars?|★)?\s*$", re.IGNORECASE)
_SHARE = 0.6  # of the filled cells must be understood
_NOT_OFFERED = {"", "-", "not offered", "offered", "unoffered", "n/a", "na", "none", "null", "nan", "no rating", "not rated", "unrated"}


class Satisfaction(NamedTuple):
    """The export's own scores.

    Attributes
    ----------
    column : str
        Where they stand.
    scale : str
        How they were read, for people: "1 to 5".
    score : array of float, shape (n_items,)
        From 0, bad, to 1, good; nan where there is none.
    """

    column: str
    scale: str
    score: NDArray[np.float64]


def find_satisfaction(scored: ScoredFile, column: str | None = None) -> Satisfaction:
    """Return the satisfaction scores that stand in the original columns.

    Parameters
    ----------
    scored : ScoredFile
        Opened.
    column : str, optional
        Where they stand; detected by default.

    Raises
    ------
    DataError
        If there are none, or on no scale that is known.
    """
    tried = [column] if column else rating_columns(scored.fields)
    for name in tried:
        cells = scored.column(name)
        scale, score = read_scale(cells, name)
        if scale and not np.isnan(score).all():
            return Satisfaction(name, scale, score)
    if not tried:
        raise DataError(f"{scored.name}: no satisfaction scores. Found {_list(scored.fields[:8])}. Name their column with --csat-column.")
    filled = dict.fromkeys(cell for cell in map(plain_rating, scored.column(tried[0])) if cell not in _NOT_OFFERED)
    found = f"{_list(list(filled)[:4])} in {tried[0]!r}" if filled else f"nobody's answer in {tried[0]!r}"
    raise DataError(f"{scored.name}: no satisfaction scores. Found {found}. Name a column of numbers or ratings with --csat-column.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def read_scale(cells: Sequence[Any], name: str = "") -> tuple[str, NDArray[np.float64]]:
    """Tell the scale of some cells, and put them on it from 0 to 1.

    Parameters
    ----------
    cells : sequence
        Words such as Good or Very satisfied; numbers, also as "4/5", "80%" or "4 stars".
    name : str
        The column's; one that speaks of NPS is read from 0 to 10.

    Returns
    -------
    scale : str
        "" if they are on no scale that is known.
    score : array of float
        nan for a cell that is none.

    Examples
    --------
    >>> read_scale(["Good", "Bad", "Offered", ""])
    ('words', array([ 1.,  0., nan, nan]))
    >>> read_scale([5, "1", "3/5", None])
    ('1 to 5', array([1. , 0. , 0.5, nan]))
    """
    told = [plain_rating(cell) for cell in cells]
    filled = [cell for cell in told if cell not in _NOT_OFFERED]
    numbers = [(float(m[1].replace(",", ".")), m[2], m[3]) if (m := _NUMBER.match(cell)) else None for cell in told]
    if len(set(filled)) > 1 and _CODES.keys() >= set(filled):
        return "Freshdesk's codes", np.array([_CODES.get(cell, np.nan) for cell in told], float)
    known = [number for number in numbers if number]
    if known and len(known) >= _SHARE * len(filled):
        low, high = _range([value for value, _, _ in known], next((float(top) for _, _, top in known if top), None), name)
        if any(percent for _, percent, _ in known):
            low, high = 0.0, 100.0
        if high > low and all(low <= value <= high for value, _, _ in known):
            score = [(number[0] - low) / (high - low) if number else np.nan for number in numbers]
            return f"{low:g} to {high:g}", np.array(score, float)
    score = [_WORDS.get(cell, np.nan) for cell in told]
    understood = np.count_nonzero(~np.isnan(score))
    return ("words", np.array(score, float)) if filled and understood >= _SHARE * len(filled) else ("", np.full(len(told), np.nan))


def rating_columns(fields: Sequence[str]) -> list[str]:
    """Return the columns that are named as satisfaction is, the most particular first."""
    plain = {field: re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field)).strip().lower() for field in fields}
    found = [field for pattern in _NAMES for field in fields if re.search(pattern, plain[field])]
    return [field for field in dict.fromkeys(found) if not re.search(r"comment|reason|date|time|remark|target| id$", plain[field])]


def plain_rating(cell: Any) -> str:
    """Return a cell's word or number; that of an object such as Zendesk's is its score."""
    inner = mapping(cell)
    value = next((inner[key] for key in ("score", "rating", "value") if key in inner), cell)
    text = str(value).strip().lower() if isinstance(value, str | int | float) and value == value else ""
    return text.rstrip(".!")


def _range(found: list[float], top: float | None, name: str) -> tuple[float, float]:
    """Return the ends of the scale that numbers are on."""
    low, high = min(found), max(found)
    if top is not None:
        return (0.0 if low < 1 or top >= 10 else 1.0), top
    if "nps" in name.lower() or (low >= 0 and 5 < high <= 10):
        return (0.0 if low < 1 or "nps" in name.lower() else 1.0), 10.0
    if low >= 0 and high > 10:
        return 0.0, 100.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low < 0:
        return -max(abs(low), abs(high)), max(abs(low), abs(high))
    return (0.0 if low < 1 else 1.0), 5.0
