"""Scored items to a queue: which to look at, in which order, and why each."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from servicenlp.errors import DataError
from servicenlp.review.drawing import draw_order
from servicenlp.review.filters import Filter, matching
from servicenlp.review.near_copies import near_copies, signatures, spread_out
from servicenlp.review.satisfaction import find_satisfaction
from servicenlp.review.scored import ScoredFile
from servicenlp.taxonomy import CATEGORIES, LEVELS

RISK, UNCERTAIN, DIVERSE, RANDOM, FILTER = "risk", "uncertain", "diverse", "random", "filter"
QUEUES = {
    "mixed": "the riskiest, the least sure, the most different, and some at random",
    "criminal": "level 1: the surest and, to know the precision, some at random",
    "extra-mile": "levels 5 and 6, the surest first",
    "uncertain": "those whose level is least sure first",
    "disagreements": "where the level and the export's own satisfaction score differ most",
    **{f"failed-{category.value}": f"{category.name} failed, the surest first" for category in CATEGORIES},
    "audit": "at random",
}
_GAP = 0.5  # between level and satisfaction, both from 0 to 1
_LOOKED_AT = 4000  # items among which the most different are sought
_DAY = 5000  # more than anyone reviews in one; near-copies beyond stay where they are
_COPIES = 3  # of one text in a slice, while there is something else


class Mix(NamedTuple):
    """Which share of a mixed queue each reason gets; they need not add up to 1.

    The shares of risk and random are also those of the queue criminal, to each other.
    """

    risk: float = 0.4
    uncertain: float = 0.2
    diverse: float = 0.15
    random: float = 0.25


class Entry(NamedTuple):
    """One item's place in a queue.

    Attributes
    ----------
    at : int
        The item's index in its `ScoredFile`.
    key : str
        The item's identity.
    reasons : tuple of str
        Of RISK, UNCERTAIN, DIVERSE, RANDOM, FILTER; all that hold, the first is the one it was taken for.
    why : str
        The same as a sentence. It tells of the prediction: not for a blind reading.
    """

    at: int
    key: str
    reasons: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Queue:
    """What to look at, in order.

    Attributes
    ----------
    name : str
        One of `QUEUES`.
    seed : int
        What its random part was drawn with.
    entries : list of Entry
        In order; no item twice.
    """

    name: str
    seed: int
    entries: list[Entry] = field(repr=False)

    @cached_property
    def keys(self) -> list[str]:
        """The items' keys, in order."""
        return [entry.key for entry in self.entries]

    def find(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        return self._by_key.get(key)

    @cached_property
    def _by_key(self) -> dict[str, Entry]:
        return {entry.key: entry for entry in self.entries}


def build_queue(
    scored: ScoredFile,
    name: str = "mixed",
    *,
    size: int | None = 200,
    mix: Mix | None = None,
    seed: int = 0,
    csat_column: str | None = None,
) -> Queue:
    """Choose what to review.

    Parameters
    ----------
    scored : ScoredFile
        Opened.
    name : str
        One of `QUEUES`.
    size : int or None
        How many items at most; None is all that belong there.
    mix : Mix, optional
        The shares of the reasons, for the queues mixed and criminal.
    seed : int
        For what is random. The random part does not depend on the file's order, and that of a
        smaller queue is the beginning of that of a larger one.
    csat_column : str, optional
        Where the export's own satisfaction score stands; detected by default.

    Raises
    ------
    DataError
        If there is no such queue, or nothing to make it of.

    Notes
    -----
    The most different items are found by farthest-first traversal (Gonzalez, 1985) over MinHash
    signatures of their words (Broder, 1997).
    """
    if name not in QUEUES:
        raise DataError(f"--queue: no such queue. Found {name!r}. Choose from {', '.join(QUEUES)}.")
    size = len(scored) if size is None else min(size, len(scored))
    if mix and name not in ("mixed", "criminal"):
        raise DataError(f"--mix: not for this queue. Found {name!r}. Give it with --queue mixed or criminal, or leave it out.")
    mix = mix or Mix()
    if min(mix) < 0 or sum(mix) <= 0:
        raise DataError(f"--mix: not shares. Found {', '.join(map(str, mix))}. Give numbers from 0 on, not all of them 0.")
    tell = _tellers(scored)
    draw = draw_order(scored.keys, seed)
    if name == "mixed":
        slices = _mixed(scored, size, mix, draw)
    elif name == "criminal":
        slices = _criminal(scored, size, mix, draw)
    elif name == "audit":
        slices = {RANDOM: draw[:size]}
    else:
        found, tell[FILTER] = _named(scored, name, csat_column)
        slices = {FILTER: found[:size]}
    chosen = _interleave(slices, size)
    order = spread_out(list(chosen)[:_DAY], scored.texts) + list(chosen)[_DAY:]
    whys = {i: "; ".join(tell[reason](i) for reason in chosen[i]) for i in order}
    return Queue(name, seed, [Entry(i, scored.keys[i], chosen[i], whys[i]) for i in order])


def _tellers(scored: ScoredFile) -> dict[str, Callable[[int], str]]:
    """Return for each reason what says it of an item."""
    return {
        RISK: lambda i: f"risk: criminal with probability {scored.proba[i, 0]:.2f}",
        UNCERTAIN: lambda i: f"uncertain: level {scored.level[i]} with probability {scored.sureness[i]:.2f} only",
        DIVERSE: lambda i: "diverse: unlike the others here",
        RANDOM: lambda i: "random: control slice",
    }


def _mixed(scored: ScoredFile, size: int, mix: Mix, draw: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    shares = _portions(mix, size)
    entropy = -(scored.proba * np.log(np.clip(scored.proba, 1e-12, 1))).sum(axis=1)
    random = draw[: shares[RANDOM]]
    taken = set(random.tolist())
    slices = {}
    for reason, worth in ((RISK, scored.proba[:, 0]), (UNCERTAIN, entropy)):
        ranked = np.lexsort((draw.argsort(), -worth))
        slices[reason] = _without_copies(scored, ranked, shares[reason], taken)
        taken.update(slices[reason].tolist())
    slices[DIVERSE] = _diverse(scored, [i for i in draw[:_LOOKED_AT].tolist() if i not in taken], shares[DIVERSE])
    return {**slices, RANDOM: random}


def _criminal(scored: ScoredFile, size: int, mix: Mix, draw: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    flagged = scored.level == LEVELS[0].value
    drawn = draw[flagged[draw]]
    share = mix.random / (mix.risk + mix.random) if mix.risk + mix.random else 1.0
    size = min(size, len(drawn))
    random = drawn[: round(share * size)]
    ranked = np.lexsort((draw.argsort(), -scored.proba[:, 0]))
    rest = ranked[flagged[ranked] & ~np.isin(ranked, random)]
    return {RISK: rest[: size - len(random)], RANDOM: random}


def _named(scored: ScoredFile, name: str, csat_column: str | None) -> tuple[NDArray[np.int64], Callable[[int], str]]:
    """Return the items of a queue that is a filter, the most telling first, and what to say of each."""
    if name == "disagreements":
        return _disagreements(scored, csat_column)
    sure = scored.sureness
    if name == "uncertain":
        return np.argsort(sure, kind="stable"), lambda i: f"uncertain: level {scored.level[i]} with probability {sure[i]:.2f} only"
    if name == "extra-mile":
        worth = scored.proba[:, 4:].sum(axis=1)
        chosen = np.flatnonzero(scored.level >= 5)
        return _surest(chosen, worth), lambda i: f"extra mile: level {scored.level[i]}, 5 or 6 with probability {worth[i]:.2f}"
    category = name.removeprefix("failed-")
    title = next(c.name for c in CATEGORIES if c.value == category)
    worth = np.array([p or 0.0 for p in scored.column(f"{category}_p")], float)
    chosen = matching(scored, Filter(outcomes={category: "failed"}))
    return _surest(chosen, worth), lambda i: f"{title} failed with probability {worth[i]:.2f}"


def _surest(chosen: NDArray[np.int64], worth: NDArray[np.float64]) -> NDArray[np.int64]:
    return chosen[np.argsort(-worth[chosen], kind="stable")]


def _disagreements(scored: ScoredFile, csat_column: str | None) -> tuple[NDArray[np.int64], Callable[[int], str]]:
    found = find_satisfaction(scored, csat_column)
    cells = scored.column(found.column)
    # From level 4 on customers are as content as a rating can say.
    content = np.clip((scored.proba @ np.arange(1, len(LEVELS) + 1) - 1) / 3, 0, 1)
    gap = np.nan_to_num(abs(content - found.score))
    order = np.argsort(-gap, kind="stable")
    return order[gap[order] >= _GAP], lambda i: f"disagreement: level {scored.level[i]}, yet {found.column} is {str(cells[i]).strip()!r}"


def _portions(mix: Mix, size: int) -> dict[str, int]:
    """Return how many items each reason gets; the largest remainders get what is left over."""
    exact = np.array(mix) / sum(mix) * size
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: size - counts.sum()]:
        counts[i] += 1
    return dict(zip((RISK, UNCERTAIN, DIVERSE, RANDOM), counts.tolist(), strict=True))


def _without_copies(scored: ScoredFile, ranked: NDArray[np.int64], n: int, taken: set[int]) -> NDArray[np.int64]:
    """Return the first n of a ranking, few near-copies of each other as long as there is something else."""
    looked = [i for i in ranked.tolist() if i not in taken][: 4 * n]
    group = near_copies([scored.texts[i] for i in looked])
    seen: Counter[int] = Counter()
    first: list[int] = []
    more: list[int] = []
    for i, g in zip(looked, group, strict=True):
        seen[g] += 1
        (first if seen[g] <= _COPIES else more).append(i)
    return np.array((first + more)[:n], np.int64)


def _diverse(scored: ScoredFile, looked: list[int], n: int) -> NDArray[np.int64]:
    """Return items that differ most in their words, each from all before it."""
    if not looked or not n:
        return np.array([], np.int64)
    sign = signatures([scored.texts[i] for i in looked])
    nearest = np.zeros(len(looked))
    chosen: list[int] = []
    while len(chosen) < min(n, len(looked)):
        likeness = (sign == sign[chosen[-1] if chosen else 0]).mean(axis=1)
        nearest = np.maximum(nearest, likeness)
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
    return np.array([looked[i] for i in chosen], np.int64)


def _interleave(slices: dict[str, NDArray[np.int64]], size: int) -> dict[int, tuple[str, ...]]:
    """Return the items and their reasons in an order in which each slice comes evenly; who stops early has some of each."""
    places = sorted(((j + 0.5) / len(part), k, int(i)) for k, part in enumerate(slices.values()) for j, i in enumerate(part))
    names = list(slices)
    reasons: dict[int, list[str]] = defaultdict(list)
    for _, k, i in places:
        reasons[i].append(names[k])
    return {i: tuple(found) for i, found in list(reasons.items())[:size]}
