"""What reviewed items say of the model: precision, what was missed, how often it was overruled, and the reviewers' pace."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicenlp.errors import DataError
from servicenlp.review.decisions import ACCEPT, DECIDING, SKIP, Event, items_per_hour
from servicenlp.review.queue import RANDOM
from servicenlp.review.sampling import CONFIDENCE, Estimate, Ratio, Share, control_slice, estimate_count, miss_rate, wilson
from servicenlp.taxonomy import LEVELS

if TYPE_CHECKING:
    from servicenlp.review.store import Store

CRIMINAL = LEVELS[0].value


@dataclass(frozen=True)
class Estimates:
    """What the decisions on one file say.

    Attributes
    ----------
    population : dict
        The file: see `Store.populations`.
    flagged, unflagged : Estimate
        Criminal items among those that the model calls criminal (precision), and among the others (missed).
    missed : Ratio or None
        Which share of all criminal items the model calls something else.
    overrides : dict of int to Share
        By predicted level, how often a reviewer set another level.
    relabelled : Share
        How often anything was changed.
    paces : dict of str to float or None
        Items an hour by reviewer.
    counts : dict of str to int
        reviewed, blind, unusable, bulk (accepted in bulk, and left out of all figures), skipped.
    unread : int
        Items of the control slice that were skipped or unusable, or are still with someone: of them nothing is known.
    """

    population: dict[str, Any]
    flagged: Estimate
    unflagged: Estimate
    missed: Ratio | None
    overrides: dict[int, Share]
    relabelled: Share
    paces: dict[str, float | None]
    counts: dict[str, int]
    unread: int

    @property
    def queues(self) -> dict[str, str]:
        """For flagged and unflagged the options of ``servicenlp review`` that lay out what is lacking for half the interval."""
        flagged, unflagged = self.flagged, self.unflagged
        # A random part of the whole holds the unflagged as the whole does.
        among = math.ceil((unflagged.sampled + unflagged.more) * self.population["n_items"] / max(unflagged.total, 1))
        return {
            "flagged": f"--queue criminal --mix random=1 --seed {flagged.seed} --size {flagged.sampled + flagged.more}",
            "unflagged": f"--queue audit --seed {unflagged.seed} --size {among}",
        }


def estimate(store: "Store", population: str | None = None) -> Estimates:
    """Tell what the decisions say of a file's predictions.

    Parameters
    ----------
    store : Store
        Opened.
    population : str, optional
        Which file, by its name or by what `Store.remember` returned; by default that of the last
        decision. Verdicts on the same items in other files are known there too, but only this
        file's control slice is its random sample.

    Raises
    ------
    DataError
        If there is no such file in the store, or none at all.
    """
    log = store.events()
    file = _choose(store, log, population)
    level = store.members(file["id"])
    counting = {key: event for key, event in store.verdicts().items() if key in level}
    single = {key: event for key, event in counting.items() if not event.batch}
    judged = [event for event in single.values() if event.verdict]
    undone = {event.undoes for event in log}
    skipped = {e.item for e in log if e.action == SKIP and e.id not in undone and e.item in level} - counting.keys()
    flagged, unflagged, missed, unread = _count_criminal(level, counting, [e for e in log if e.context.population == file["id"]])
    return Estimates(
        file,
        flagged,
        unflagged,
        missed,
        overrides={int(label.value): _overrides(judged, int(label.value)) for label in LEVELS},
        relabelled=wilson(sum(event.action != ACCEPT for event in judged), len(judged)),
        paces=_paces(log),
        counts={
            "reviewed": len(judged),
            "blind": sum(event.context.blind for event in judged),
            "unusable": len(single) - len(judged),
            "bulk": len(counting) - len(single),
            "skipped": len(skipped),
        },
        unread=unread,
    )


def _choose(store: "Store", log: Sequence[Event], wanted: str | None) -> dict[str, Any]:
    """Return the file that is meant; of several of a name the last."""
    files = {row["id"]: row for row in store.populations()}
    if not files:
        raise DataError(f"{store.name}: nothing to report. Found no file reviewed. Review one: servicenlp review SCORED.")
    if wanted is None:
        last = next((e.context.population for e in reversed(log) if e.context.population in files), list(files)[-1])
        return files[last]
    names = {row["name"]: row for row in files.values()}
    if wanted not in files and wanted not in names:
        raise DataError(f"{store.name}: no such file. Found {', '.join(names)}. Choose one of them.")
    return files.get(wanted) or names[wanted]


def _count_criminal(
    level: Mapping[str, int], counting: Mapping[str, Event], log: Sequence[Event]
) -> tuple[Estimate, Estimate, Ratio | None, int]:
    """Return the estimates among the flagged and the others, the share missed, and how many of the control slice nothing is known of."""
    drawn = [e for e in log if RANDOM in e.context.reasons and e.action in DECIDING and not e.batch]
    criminal = {key: e.verdict.level == CRIMINAL for key, e in counting.items() if e.verdict and not e.batch}
    bulk = {key for key, event in counting.items() if event.batch}
    parts = [[key for key in level if key not in bulk and (level[key] == CRIMINAL) == wanted] for wanted in (True, False)]
    samples = [control_slice(part, drawn) for part in parts]
    flagged, unflagged = (estimate_count(part, sample, criminal) for part, sample in zip(parts, samples, strict=True))
    both = (estimate_count(part, sample, criminal, (1 + CONFIDENCE) / 2) for part, sample in zip(parts, samples, strict=True))
    return flagged, unflagged, miss_rate(*both), sum(key not in criminal for sample in samples for key in sample.keys)


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
        lines.append(f"{found.unread:,} of the control slice skipped, unusable or not read yet: of them nothing is known")
    lines += ["", *_render_part("Precision of the criminal flag", found.flagged, "flagged", found.queues["flagged"])]
    missed = found.missed
    of_all = f"  {missed.value:.1%} of all criminal; 95% interval {missed.low:.1%} to {missed.high:.1%}" if missed else None
    lines += ["", *_render_part("Missed criminal interactions", found.unflagged, "not flagged", found.queues["unflagged"], of_all)]
    lines += ["", "Level overruled, by predicted level, in all that was read"]
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


def _render_part(title: str, found: Estimate, which: str, queue: str, more: str | None = None) -> list[str]:
    if not found.total:
        return [title, f"  no item is {which}"]
    lines = [title]
    if found.items is None:
        lines.append(f"  not known: none of the control slice reviewed among the {found.total:,} {which}")
    else:
        share, low, high = found.items / found.total, found.low / found.total, found.high / found.total
        lines.append(f"  {share:.1%} of the {found.total:,} {which}; 95% interval {low:.1%} to {high:.1%}")
        lines.append(f"  {found.items:,.0f} items; 95% interval {found.low:,} to {found.high:,}")
    lines += [more] if more else []
    lines.append(f"  control slice: {found.hits:,} criminal of {found.sampled:,}; all reviewed: {found.known_hits:,} of {found.known:,}")
    if found.more:
        lines.append(f"  half as wide after about {found.more:,} more of the control slice among the {which}:")
        lines.append(f"    {queue}")
    return lines
