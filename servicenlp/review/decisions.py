"""What a reviewer says of an item, and how it is told: verdicts, events and what they come to."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, NONE, OUTCOMES, values

ACCEPT, CORRECT, UNUSABLE, SKIP, NOTE, UNDO = "accept", "correct", "unusable", "skip", "note", "undo"
DECIDING = (ACCEPT, CORRECT, UNUSABLE)
BREAK = 300.0  # seconds without a decision from which on the reviewer was not at work


class Verdict(NamedTuple):
    """A person's labels for one interaction: the level, and the outcome in each category."""

    level: int
    primary: str = str(NONE.value)
    delivery: str = str(NONE.value)
    mindset: str = str(NONE.value)
    relationship: str = str(NONE.value)

    def check(self) -> "Verdict":
        """Return the verdict itself.

        Raises
        ------
        DataError
            If it holds a label that is none.
        """
        if type(self.level) is not int or self.level not in values("level"):
            raise DataError(f"Verdict: level {self.level!r} is not a level. Levels are 1 to {len(LEVELS)}. Choose one of them.")
        for category in CATEGORY_NAMES:
            if getattr(self, category) not in values(category):
                known = ", ".join(str(outcome.value) for outcome in OUTCOMES)
                raise DataError(
                    f"Verdict: {category} {getattr(self, category)!r} is not an outcome. Outcomes are {known}. Choose one of them."
                )
        return self


class Context(NamedTuple):
    """In which circumstances something was decided.

    Attributes
    ----------
    population : str
        What `Store.remember` returned for the file.
    queue : str
        The queue's name; "" if the item came from elsewhere.
    seed : int
        The queue's.
    reasons : tuple of str
        Why the item was in it; see `servicenlp.review.queue.Entry`.
    blind : bool
        Whether the prediction was hidden.
    seconds : float or None
        How long the item was looked at.
    """

    population: str = ""
    queue: str = ""
    seed: int = 0
    reasons: tuple[str, ...] = ()
    blind: bool = False
    seconds: float | None = None


NOWHERE = Context()


class Event(NamedTuple):
    """One line of the store's log; lines are added, never changed.

    Attributes
    ----------
    id : int
        Grows.
    at : str
        When: UTC, ISO 8601.
    reviewer : str
        Who.
    item : str
        The item's key.
    action : str
        ACCEPT (as predicted), CORRECT, UNUSABLE, SKIP, NOTE or UNDO.
    before, after : dict or None
        What counted before and after: the fields of a `Verdict`, or {"unusable": why}. None is nothing.
    why : str
        The reviewer's words.
    prediction : dict
        What the model had said; see `servicenlp.review.scored.Item`.
    model : str
        Which model.
    context : Context
        The circumstances.
    batch : str or None
        The bulk decision that it belongs to.
    undoes : int or None
        The event that it takes back.
    """

    id: int
    at: str
    reviewer: str
    item: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str
    prediction: dict[str, Any]
    model: str
    context: Context
    batch: str | None
    undoes: int | None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict it gave, if it gave one."""
        return Verdict(**self.after) if self.after and "level" in self.after else None


class Bulk(NamedTuple):
    """A bulk decision: its name, by which it can be undone, and how many items it was for."""

    batch: str
    n_items: int


class Progress(NamedTuple):
    """How far a queue is.

    Attributes
    ----------
    total, decided, unusable, skipped, leased, left : int
        Items of the queue: all; with a verdict or unusable; of these, unusable; skipped by this
        reviewer and not decided; in other reviewers' hands; still to be had by this one.
    per_hour : float or None
        This reviewer's pace, breaks of five minutes and more left out; None at the start.
    undoable : int or None
        The event that undo would take back.
    """

    total: int
    decided: int
    unusable: int
    skipped: int
    leased: int
    left: int
    per_hour: float | None
    undoable: int | None


def predicted(prediction: dict[str, Any]) -> Verdict:
    """Return a prediction as the verdict that accepts it.

    Examples
    --------
    >>> predicted({"level": 2, "delivery": "failed", "p_level_2": 0.8})
    Verdict(level=2, primary='none', delivery='failed', mindset='none', relationship='none')
    """
    found = {category: prediction.get(category) or str(NONE.value) for category in CATEGORY_NAMES}
    return Verdict(prediction["level"], **found)


def items_per_hour(times: Sequence[str]) -> float | None:
    """Return the pace of one reviewer, breaks left out; None before the second decision.

    Examples
    --------
    >>> items_per_hour(["2026-01-05T09:00:00Z", "2026-01-05T09:00:30Z", "2026-01-05T12:00:00Z", "2026-01-05T12:00:30Z"])
    120.0
    """
    stamps = [datetime.fromisoformat(time) for time in times]
    gaps = [seconds for one, next_one in pairwise(stamps) if 0 <= (seconds := (next_one - one).total_seconds()) < BREAK]
    return round(len(gaps) * 3600 / sum(gaps), 1) if gaps and sum(gaps) else None


def describe(labels: dict[str, Any] | None) -> str:
    """Return labels, or why there are none, in words.

    Examples
    --------
    >>> describe({"level": 1, "primary": "none", "delivery": "failed"}), describe(None), describe({"unusable": "a test"})
    ('level 1 criminal, delivery failed', 'nothing', 'unusable: a test')
    """
    if not labels:
        return "nothing"
    if "unusable" in labels:
        return f"unusable: {labels['unusable']}"
    outcomes = [f"{name} {labels[name]}" for name in CATEGORY_NAMES if labels.get(name) not in (None, NONE.value)]
    return ", ".join([f"level {labels['level']} {LEVELS[labels['level'] - 1].name}", *outcomes])


def tell(event: Event) -> str:
    """Return an event for a terminal of 80 columns: who, when, from, to, why, and what the model had said."""
    what = f"{event.action} of event {event.undoes}" if event.undoes else event.action
    context = event.context
    queue = ", ".join(filter(None, [context.queue, *context.reasons, "blind" if context.blind else ""]))
    lines = [
        f"event {event.id}  {event.at[:19].replace('T', ' ')} UTC  {event.reviewer}  {what}{' in bulk' if event.batch else ''}",
        f"  from    {describe(event.before)}",
        f"  to      {describe(event.after)}",
        f"  model   {describe(event.prediction)}",
        f"          by {event.model or 'an unnamed model'}",
    ]
    if queue:
        lines.append(f"  queue   {queue}")
    if event.why:
        lines.append(f"  why     {event.why}")
    return "\n".join(lines)
