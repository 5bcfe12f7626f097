"""What reviewed items say of the model: precision, what was missed, how often it was overruled, and the reviewers' pace.

The control slice is a simple random sample of the whole file and, the part of it that falls there,
of the flagged and of the unflagged items. How many criminal items each of the two holds is then
bounded by inverting the hypergeometric distribution: exact limits for a finite population, which
close when all is reviewed (D. R. Wright, *Exact confidence bounds when sampling from small finite
universes*, 1991). What was reviewed besides the sample is certain, and narrows the limits further.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.review.decisions import ACCEPT, DECIDING, SKIP, Event, items_per_hour
from servicenlp.review.drawing import draw_number
from servicenlp.taxonomy import LEVELS

if TYPE_CHECKING:
    from servicenlp.review.store import Store

CONFIDENCE = 0.95
CRIMINAL = LEVELS[0].value
_RANDOM = "random"


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


@dataclass(frozen=True)
class Estimates:
    """What the decisions on one file say.

    Attributes
    ----------
    population : dict
        The file: see `Store.populations`.
    flagged, unflagged : Estimate
        Criminal items among those that the model calls criminal (precision), and among the others (missed).
    overrides : dict of int to Share
        By predicted level, how often a reviewer set another level.
    relabelled : Share
        How often anything was changed.
    paces : dict of str to float or None
        Items an hour by reviewer.
    counts : dict of str to int
        reviewed, blind, unusable, bulk (accepted in bulk, and left out of all figures), skipped.
    unread : int
        Items of the control slice that were passed by or unusable: of them nothing is known.
    """

    population: dict[str, Any]
    flagged: Estimate
    unflagged: Estimate
    overrides: dict[int, Share]
    relabelled: Share
    paces: dict[str, float | None]
    counts: dict[str, int]
    unread: int


def estimate(store: "Store", population: str | None = None) -> Estimates:
    """Tell what the decisions say of a file's predictions.

    Parameters
    ----------
    store : Store
        Opened.
    population : str, optional
        Which file; by default that of the last decision. Verdicts on the same items in other files
        are known there too, but only this file's control slice is its random sample.

    Raises
    ------
    DataError
        If there is no such file in the store, or none at all.
    """
    log = store.events()
    known = {row["id"]: row for row in store.populations()}
    if not known:
        raise DataError(f"{store.name}: nothing to report. Found no file reviewed. Review one: servicenlp review SCORED.")
    if population is None:
        population = next((e.context.population for e in reversed(log) if e.context.population in known), list(known)[-1])
    if population not in known:
        raise DataError(f"{store.name}: no such file. Found {', '.join(known)}. Choose one of them.")
    level = store.members(population)
    counting = {key: event for key, event in store.verdicts().items() if key in level}
    bulk = {key for key, event in counting.items() if event.batch}
    single = {key: event for key, event in counting.items() if not event.batch}
    criminal = {key: event.verdict.level == CRIMINAL for key, event in single.items() if event.verdict}
    drawn = [e for e in log if e.context.population == population and _RANDOM in e.context.reasons and e.action in DECIDING and not e.batch]
    parts = [[key for key in level if key not in bulk and (level[key] == CRIMINAL) == wanted] for wanted in (True, False)]
    samples = [control_slice(part, drawn) for part in parts]
    judged = [event for event in single.values() if event.verdict]
    undone = {event.undoes for event in log}
    return Estimates(
        known[population],
        _estimate(parts[0], samples[0], criminal),
        _estimate(parts[1], samples[1], criminal),
        overrides={int(label.value): _overrides(judged, int(label.value)) for label in LEVELS},
        relabelled=wilson(sum(event.action != ACCEPT for event in judged), len(judged)),
        paces=_paces(log),
        counts={
            "reviewed": len(judged),
            "blind": sum(event.context.blind for event in judged),
            "unusable": len(single) - len(judged),
            "bulk": len(bulk),
            "skipped": len({e.item for e in log if e.action == SKIP and e.id not in undone and e.item in level} - counting.keys()),
        },
        unread=sum(key not in criminal for sample in samples for key in sample),
    )


def control_slice(keys: Sequence[str], drawn: Sequence[Event]) -> list[str]:
    """Return the items of a part of a file that its control slice has come to.

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
    best: list[str] = []
    for seed, found in reached.items():
        last = draw_number(found, seed).max()
        numbers = draw_number(keys, seed)
        best = max(best, [key for key, number in zip(keys, numbers, strict=True) if number <= last], key=len)
    return best


def _estimate(part: Sequence[str], sample: Sequence[str], criminal: dict[str, bool]) -> Estimate:
    read = [criminal[key] for key in sample if key in criminal]
    told = [criminal[key] for key in part if key in criminal]
    total, n, hits, known, known_hits = len(part), len(read), sum(read), len(told), sum(told)
    least, most = known_hits, total - (known - known_hits)
    low, high = limits(total, n, hits)
    low, high = max(low, least), max(least, min(high, most))
    items: float | None = float(known_hits) if known == total else None
    if n and known < total:
        items = hits / n * total
        if not least <= items <= most:  # what is known says otherwise: take only the rest to be like the sample
            items = known_hits + hits / n * (total - known)
    more = min(_more(total, n, hits), total - known) if low < high else 0
    return Estimate(items, min(low, high), high, total, n, hits, known, known_hits, more)


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


def _overrides(judged: Sequence[Event], level: int) -> Share:
    of_level = [event for event in judged if event.prediction.get("level") == level]
    return wilson(sum(event.verdict is not None and event.verdict.level != level for event in of_level), len(of_level))


def _paces(log: Sequence[Event]) -> dict[str, float | None]:
    times: dict[str, list[str]] = defaultdict(list)
    for event in log:
        if event.action in DECIDING and not event.batch:
            times[event.reviewer].append(event.at)
    return {reviewer: items_per_hour(stamps) for reviewer, stamps in sorted(times.items())}


def render(found: Estimates) -> str:
    """Return the figures for a terminal of 80 columns."""
    counts = found.counts
    lines = [
        f"{found.population['name']}: {found.population['n_items']:,} items, model {found.population['model']}",
        f"{counts['reviewed']:,} reviewed ({counts['blind']:,} blind), {counts['unusable']:,} unusable, {counts['skipped']:,} skipped",
    ]
    if counts["bulk"]:
        lines.append(f"{counts['bulk']:,} accepted in bulk: not read, so left out of all figures below")
    if found.unread:
        lines.append(f"{found.unread:,} of the control slice passed by or unusable: of them nothing is known")
    lines += ["", *_render_part("Precision of the criminal flag", found.flagged, "flagged")]
    lines += ["", *_render_part("Missed criminal interactions", found.unflagged, "not flagged")]
    lines += ["", "Level overruled, by predicted level"]
    for level, share in found.overrides.items():
        if share.n:
            name = LEVELS[level - 1].name
            lines.append(f"  {level} {name:<12} {share.hits:6,} of {share.n:6,}  {share.value:6.1%}  ({share.low:.1%} to {share.high:.1%})")
    share = found.relabelled
    if share.n:
        lines.append(f"  any label      {share.hits:6,} of {share.n:6,}  {share.value:6.1%}  ({share.low:.1%} to {share.high:.1%})")
    lines += ["", "Items an hour (breaks of 5 minutes and more left out)"]
    lines += [f"  {name:<20} {'-' if pace is None else f'{pace:,.0f}':>6}" for name, pace in found.paces.items()]
    return "\n".join(lines)


def _render_part(title: str, found: Estimate, which: str) -> list[str]:
    if not found.total:
        return [title, f"  no item is {which}"]
    lines = [title]
    if found.items is None:
        lines.append(f"  not known: none of the control slice reviewed among the {found.total:,} {which}")
    else:
        share, low, high = found.items / found.total, found.low / found.total, found.high / found.total
        lines.append(f"  {share:.1%} of the {found.total:,} {which}; 95% interval {low:.1%} to {high:.1%}")
        lines.append(f"  {found.items:,.0f} items; 95% interval {found.low:,} to {found.high:,}")
    lines.append(f"  control slice: {found.hits:,} criminal of {found.sampled:,}; all reviewed: {found.known_hits:,} of {found.known:,}")
    if found.more:
        lines.append(f"  half as wide after about {found.more:,} more of the control slice among the {which}")
    return lines
