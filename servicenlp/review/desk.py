"""One reviewer at work: a scored file, a queue out of it and a store; what a page shows, and what it sends back."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.review.conversation import Bubble, lay_out, mark_evidence
from servicenlp.review.decisions import ACCEPT, DECIDING, NOTE, Bulk, Context, Event, Progress, Verdict, describe, predicted
from servicenlp.review.filters import Filter, matching
from servicenlp.review.items import Item
from servicenlp.review.queue import Entry, Queue
from servicenlp.review.reasons import Reasons, give_reasons
from servicenlp.review.scored import ScoredFile
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS

if TYPE_CHECKING:
    from servicenlp.classifier import ServiceClassifier
    from servicenlp.review.store import Store

_PREVIEW = 20  # items shown of a bulk decision
_KINDS, _SHORT = 30, 60  # cells of a column that are offered as a filter, and characters of one
_LONG = 2000  # characters of a reviewer's words that are kept


class Sheet(NamedTuple):
    """An item as it is laid before the reviewer.

    Attributes
    ----------
    item : Item
        What it is about; its prediction is empty in a blind reading.
    entry : Entry or None
        Why it is in the queue; None in a blind reading, or if it came from another queue.
    bubbles : list of Bubble
        The conversation.
    preset : Verdict or None
        What accepting would save; None in a blind reading.
    past : list of Event
        Notes and decisions so far; in a blind or second reading the reviewer's own notes only.
    """

    item: Item
    entry: Entry | None
    bubbles: list[Bubble]
    preset: Verdict | None
    past: list[Event]

    @property
    def rival(self) -> int | str | None:
        """A level that is more probable than the predicted one: the model weighs what a mistake costs; None if there is none."""
        proba = {level.value: self.item.prediction.get(f"p_level_{level.value}") or 0.0 for level in LEVELS}
        best = max(proba, key=lambda level: proba[level])
        return best if self.preset and proba[best] > proba[self.preset.level] else None


class Preview(NamedTuple):
    """What a bulk decision would be about: all that match, of these decided or in others' hands, and the first few open ones."""

    n_matching: int
    n_decided: int
    n_leased: int
    items: list[Item]

    @property
    def n_open(self) -> int:
        """How many items would be accepted."""
        return self.n_matching - self.n_decided - self.n_leased


@dataclass
class Desk:
    """A reviewer's place; its methods may be called by several threads at once.

    Attributes
    ----------
    scored : ScoredFile
        What was scored.
    queue : Queue
        Out of it.
    store : Store
        Where decisions go.
    reviewer : str
        Who decides.
    blind : bool
        Whether predictions are hidden, and all that tells of them.
    second : bool
        Whether what others have decided is shown too, for a second reading.
    model : Path or None
        The model that explains; the shipped one by default.
    population : str
        The file's name in the store.
    """

    scored: ScoredFile
    queue: Queue
    store: "Store"
    reviewer: str
    blind: bool = False
    second: bool = False
    model: Path | None = None
    population: str = field(init=False)

    def __post_init__(self) -> None:
        self.reviewer = self.reviewer.strip()
        if not self.reviewer:
            raise DataError("--reviewer: no name. Found an empty one. Say whose decisions these are.")
        self.population = self.store.remember(self.scored)
        self._lock = Lock()
        self._model: ServiceClassifier | None = None
        if self.model:  # else the shipped one, and only when asked
            self._load()
        # By one thread each, once.
        _ = self.scored.index, self.queue.find("")

    # What is shown.

    def next_sheet(self) -> Sheet | None:
        """Return what comes next, the item in hand before all others; None if nothing is left."""
        claimed = self.store.claim(self.reviewer, self.population, self.queue.keys, second=self.second)
        return self.sheet(claimed[0]) if claimed else None

    def hold(self, key: str) -> bool:
        """Keep an item in hand; return whether it still is the reviewer's."""
        return self.store.claim(self.reviewer, self.population, [self.find(key).key], second=self.second) == [key]

    def find(self, key: str) -> Item:
        """Return the item of a key.

        Raises
        ------
        DataError
            If the file holds none.
        """
        item = self.scored.find(key)
        if item is None:
            raise DataError(f"{self.scored.name}: no such item. Found nothing of the key {key[:40]!r}. Load the page anew.")
        return item

    def sheet(self, key: str) -> Sheet:
        """Return an item of the file, laid out."""
        item = self.find(key)
        past = self._past(item)
        if self.blind:
            return Sheet(item._replace(prediction={}), None, lay_out(item), None, past)
        return Sheet(item, self.queue.find(key), lay_out(item, mark_evidence(item)), predicted(item.prediction), past)

    def _past(self, item: Item) -> list[Event]:
        try:
            found = self.store.history(item.key)
        except DataError:  # nothing yet
            return []
        undone = {event.undoes for event in found}
        standing = [event for event in found if event.id not in undone and event.undoes is None]
        if self.blind or self.second:
            return [event for event in standing if event.action == NOTE and event.reviewer == self.reviewer]
        return [event for event in standing if event.action == NOTE or event.action in DECIDING]

    def progress(self) -> Progress:
        """Tell how far the queue is."""
        return self.store.progress(self.queue.keys, self.reviewer)

    def explain(self, key: str, target: str = "level") -> Reasons:
        """Return which terms decided; the model is loaded when first asked.

        Raises
        ------
        DataError
            In a blind reading; or if there is no such target or item.
        """
        if self.blind:
            raise DataError("Terms: hidden. Found a blind reading. Ask for them in one that is not.")
        return give_reasons(self._load(), self.find(key), target)

    def _load(self) -> "ServiceClassifier":
        from servicenlp.persistence import load_model

        with self._lock:
            self._model = self._model or load_model(self.model)
            return self._model

    # What is said.

    def context(self, key: str = "", seconds: float | None = None) -> Context:
        """Return the circumstances of a decision."""
        entry = self.queue.find(key)
        return Context(self.population, self.queue.name, self.queue.seed, entry.reasons if entry else (), self.blind, seconds)

    def decide(self, key: str, labels: dict[str, Any], why: str, token: str, seconds: float | None) -> str:
        """Save a verdict; return what was saved, in words."""
        wanted = Verdict(labels.get("level") or 0, **{name: labels.get(name, "none") for name in CATEGORY_NAMES})
        item = self.find(key)
        event = self.store.decide(self.reviewer, item, wanted, self.context(key, seconds), why=why[:_LONG], token=token)
        accepted = ", as predicted" if event.action == ACCEPT and not self.blind else ""
        # Someone else may have decided when it lay too long.
        before = f" Before: {describe(event.before)}." if event.before and not (self.blind or self.second) else ""
        return f"Saved: {item.id}, {describe(event.after)}{accepted}.{before}"

    def mark_unusable(self, key: str, why: str, token: str, seconds: float | None) -> str:
        """Save that an item cannot be judged; return what was saved, in words."""
        item = self.find(key)
        event = self.store.mark_unusable(self.reviewer, item, why[:_LONG], self.context(key, seconds), token=token)
        return f"Saved: {item.id}, {describe(event.after)}."

    def skip(self, key: str, why: str, token: str, seconds: float | None) -> str:
        """Save that an item is passed by; return what was saved, in words."""
        item = self.find(key)
        self.store.skip(self.reviewer, item, self.context(key, seconds), why=why[:_LONG], token=token)
        return f"Skipped: {item.id}. Others still get it."

    def note(self, key: str, why: str, token: str) -> str:
        """Save a remark; return what was saved, in words."""
        item = self.find(key)
        if not why.strip():
            raise DataError("Note: no words. Found an empty one. Write it first.")
        self.store.note(self.reviewer, item, why[:_LONG], self.context(key), token=token)
        return f"Saved: a note on {item.id}."

    def undo(self, event: int | None, token: str = "") -> tuple[str, str]:
        """Take back an event; return what was taken back, in words, and the key of its item if it can be shown."""
        undone = self.store.undo(self.reviewer, event, token=token)
        if not undone:
            raise DataError("Undo: nothing to undo. Found no decision of yours that stands. Decide first.")
        if len(undone) > 1 or undone[0].batch:
            return f"Undone: {len(undone):,} accepted in bulk.", ""
        item = self.scored.find(undone[0].item)
        name = item.id if item else "an item of another file"
        # What counts now may be another's verdict, which a second reader must not see.
        after = None if self.blind or self.second else undone[0].after
        return f"Undone: {name}, {'back to ' + describe(after) if after else 'open again'}.", item.key if item else ""

    # Many at once.

    @cached_property
    def choices(self) -> dict[str, dict[str, int]]:
        """The original columns that sort the items into a few kinds: each kind and how many items there are, the most first."""
        found = {}
        for name in self.scored.fields:
            counts = Counter(cell for cell in self.scored.column(name) if isinstance(cell, str) and 0 < len(cell) <= _SHORT)
            if 1 < len(counts) <= _KINDS and counts.total() > 2 * len(counts):
                found[name] = dict(counts.most_common())
        return found

    def preview(self, wanted: Filter) -> Preview:
        """Return what a bulk decision would be about."""
        chosen = matching(self.scored, wanted).tolist()
        keys = [self.scored.keys[i] for i in chosen]
        progress = self.store.progress(keys, self.reviewer)
        decided = self.store.verdicts().keys() if progress.decided else set()
        shown = [i for i, key in zip(chosen, keys, strict=True) if key not in decided][:_PREVIEW]
        return Preview(len(chosen), progress.decided, progress.leased, [self.scored.item(i) for i in shown])

    def accept_all(self, wanted: Filter, why: str, token: str = "") -> Bulk:
        """Accept the predictions of all that match; what is decided or in others' hands is left out.

        Raises
        ------
        DataError
            In a blind reading, or if the filter lets everything through.
        """
        if self.blind:
            raise DataError("Bulk: hidden. Found a blind reading. Accept in bulk in one that is not.")
        if wanted == Filter():
            raise DataError("Bulk: no filter. Found one that lets everything through. Choose at least one thing.")
        chosen = [self.scored.item(i) for i in matching(self.scored, wanted).tolist()]
        return self.store.accept_all(self.reviewer, chosen, self.context(), why=why[:_LONG], token=token)
