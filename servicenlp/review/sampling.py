"""What a random sample of a finite file says of the whole: counts with exact limits, shares with Wilson's.

The control slice is a simple random sample of the whole file and, the part of it that falls there,
of the flagged and of the unflagged items. How many criminal items each of the two holds is then
bounded by inverting the hypergeometric distribution: exact limits for a finite population, which
close when all is reviewed (D. R. Wright, *Exact confidence bounds when sampling from small finite
universes*, 1991). What was reviewed besides the sample is certain, and narrows the limits further.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from servicenlp.review.decisions import Event
from servicenlp.review.drawing import draw_number

CONFIDENCE = 0.95


class Slice(NamedTuple):
    """The items of a part of a file that its control slice has come to, and the seed with which it was drawn."""

    keys: list[str]
    seed: int


class Share(NamedTuple):
    """A share and its Wilson interval (E. B. Wilson, 1927); nan where there is nothing to share."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.n if self.n else float("nan")


class Estimate(NamedTuple):
    """How many items of a part of the file are criminal.

    Attributes
    ----------
    items : float or None
        The estimate; None if none of the control slice was reviewed there.
    low, high : int
        Its limits.
    total : int
        Items in that part.
    sampled, hits : int
        Reviewed of the control slice there, and criminal among them.
    known, known_hits : int
        Reviewed there for whatever reason, and criminal among them.
    more : int
        How many more of the control slice, there, for limits half as far apart; 0 if nothing is open.
    seed : int
        With which the control slice was drawn.
    """

    items: float | None
    low: int
    high: int
    total: int
    sampled: int
    hits: int
    known: int
    known_hits: int
    more: int
    seed: int = 0


class Ratio(NamedTuple):
    """A ratio of two counts that were estimated, and its limits."""

    value: float
    low: float
    high: float


def control_slice(keys: Sequence[str], drawn: Sequence[Event]) -> Slice:
    """Return the control slice of a part of a file; the largest if there are several of different seeds.

    Parameters
    ----------
    keys : sequence of str
        The part.
    drawn : sequence of Event
        Decisions on items that were in a queue because they were drawn at random.
    """
    reached: dict[int, list[str]] = defaultdict(list)
    inside = set(keys)
    for event in drawn:
        if event.item in inside:
            reached[event.context.seed].append(event.item)
    best = Slice([], 0)
    for seed, found in reached.items():
        last = draw_number(found, seed).max()
        numbers = draw_number(keys, seed)
        found_now = Slice([key for key, number in zip(keys, numbers, strict=True) if number <= last], seed)
        best = max(best, found_now, key=lambda one: len(one.keys))
    return best


def estimate_count(part: Sequence[str], sample: Slice, criminal: Mapping[str, bool], confidence: float = CONFIDENCE) -> Estimate:
    """Return how many items of a part of a file are criminal.

    Parameters
    ----------
    part : sequence of str
        The keys of all its items.
    sample : Slice
        Its control slice.
    criminal : mapping of str to bool
        What is known, by key.
    confidence : float
        Of the limits.
    """
    read = [criminal[key] for key in sample.keys if key in criminal]
    told = [criminal[key] for key in part if key in criminal]
    total, n, hits, known, known_hits = len(part), len(read), sum(read), len(told), sum(told)
    least, most = known_hits, total - (known - known_hits)
    low, high = limits(total, n, hits, confidence)
    low, high = max(low, least), max(least, min(high, most))
    items: float | None = float(known_hits) if known == total else None
    if n and known < total:
        items = hits / n * total
        if not least <= items <= most:  # what is known says otherwise: take only the rest to be like the sample
            items = known_hits + hits / n * (total - known)
    more = min(_more(total, n, hits), total - known) if low < high else 0
    return Estimate(items, min(low, high), high, total, n, hits, known, known_hits, more, sample.seed)


def miss_rate(flagged: Estimate, unflagged: Estimate) -> Ratio | None:
    """Return which share of all criminal items is not flagged; None if that is not known.

    Parameters
    ----------
    flagged, unflagged : Estimate
        Criminal items in the two parts of a file. Where the limits of each hold with 1 - a/2, those
        of the ratio hold with 1 - a at least (Bonferroni).
    """
    if flagged.items is None or unflagged.items is None or not flagged.items + unflagged.items:
        return None
    low = unflagged.low / max(unflagged.low + flagged.high, 1)
    high = unflagged.high / max(unflagged.high + flagged.low, 1)
    return Ratio(unflagged.items / (unflagged.items + flagged.items), low, high)


def limits(total: int, n: int, hits: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Return exact limits of how many of `total` items are hits, if a random `n` of them hold `hits`.

    Examples
    --------
    >>> limits(1000, 100, 0), limits(1000, 1000, 40), limits(1000, 0, 0)
    ((0, 34), (40, 40), (0, 1000))
    """
    from scipy.stats import hypergeom

    tail = (1 - confidence) / 2
    least, most = hits, total - (n - hits)
    low = _first(least, most, lambda count: hypergeom.sf(hits - 1, total, count, n) >= tail)
    high = _first(least, most, lambda count: hypergeom.cdf(hits, total, count, n) < tail) - 1
    if hypergeom.cdf(hits, total, most, n) >= tail:
        high = most
    return low, max(low, high)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first number for which something holds that holds for all after it; `high` if for none before."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _more(total: int, n: int, hits: int) -> int:
    """Return how many more must be drawn until the limits are half as far apart, if the share stays what it is."""
    share = hits / n if n else 0.5
    low, high = limits(total, n, hits) if n else (0, total)

    def narrow(size: int) -> bool:
        lower, upper = limits(total, size, round(share * size))
        return upper - lower <= (high - low) / 2

    return _first(n, total, narrow) - n


def wilson(hits: int, n: int, confidence: float = CONFIDENCE) -> Share:
    """Return a share with its Wilson interval.

    Examples
    --------
    >>> share = wilson(8, 10)
    >>> share.value, round(share.low, 2), round(share.high, 2)
    (0.8, 0.49, 0.94)
    """
    from scipy.stats import binomtest

    if not n:
        return Share(0, 0, float("nan"), float("nan"))
    found = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    return Share(hits, n, float(found.low), float(found.high))
