"""What a batch came to, counted while it streams, as text for a terminal of 80 columns."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import numpy as np

from servicenlp.columns import SCORED, VALUES, tally
from servicenlp.streaming import Scored
from servicenlp.taxonomy import CATEGORIES, CATEGORY_NAMES, LEVELS

_BAR = 40
_WORST = 5
_COUNTERS = ("levels", "outcomes", "flags", "status", "masks")


@dataclass
class Summary:
    """Counts of a batch; `add` takes it part by part."""

    levels: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    n_rows: int = 0
    worst: list[tuple[float, int, str]] = field(default_factory=list)

    def add(self, scored: Scored) -> None:
        """Count a batch."""
        scores = scored.scores
        self.levels.update(tally(scores, "level"))
        for category in CATEGORY_NAMES:
            self.outcomes.update({(category, outcome): n for outcome, n in tally(scores, category).items()})
        for flags, n in tally(scores, "flags").items():
            self.flags.update(dict.fromkeys(filter(None, flags.split("|")), n))
        self.status.update(scores.status)
        self.masks.update(scored.masks)
        self.worst = heapq.nlargest(_WORST, self.worst + list(self._criminal(scored)))
        self.n_rows += len(scores.status)

    def _criminal(self, scored: Scored) -> Iterator[tuple[float, int, str]]:
        """Walk the interactions of level 1: probability, row counted downwards, evidence."""
        codes, spans, texts = scored.scores.codes, scored.scores.spans, scored.batch.texts
        for i in np.flatnonzero(codes["level"] == 0):
            evidence = texts[i][spans.start[i] : spans.end[i]] if spans.start[i] >= 0 else ""
            yield VALUES["p_level_1"][codes["p_level_1"][i]], -(self.n_rows + int(i)), evidence

    def merge(self, later: "Summary") -> None:
        """Count what another one has counted in the rows that follow."""
        for name in _COUNTERS:
            getattr(self, name).update(getattr(later, name))
        following = [(p, row - self.n_rows, evidence) for p, row, evidence in later.worst]
        self.worst = heapq.nlargest(_WORST, self.worst + following)
        self.n_rows += later.n_rows

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        counters = {name: list(getattr(self, name).items()) for name in _COUNTERS}
        return counters | {"n_rows": self.n_rows, "worst": self.worst}

    @classmethod
    def restored(cls, state: dict[str, Any] | None) -> "Summary":
        """Return the summary whose `state` this was; a new one for None."""
        if state is None:
            return cls()
        counters = {name: Counter({_key(key): count for key, count in state[name]}) for name in _COUNTERS}
        return cls(**counters, n_rows=state["n_rows"], worst=[tuple(one) for one in state["worst"]])

    def render(self) -> str:
        """Return the summary."""
        n = sum(self.levels.values())
        lines = [f"{self.n_rows:,} rows: {n:,} scored, {self.n_rows - n:,} skipped"]
        lines += [f"  {count:6,} {why}" for why, count in self.status.most_common() if why != SCORED]
        if n:
            mean = sum(level * count for level, count in self.levels.items()) / n
            lines += ["", f"Level (mean {mean:.2f})", *self._bars(n), "", *self._categories(n), ""]
            lines += [f"{count:6,}  {flag}" for flag, count in self.flags.most_common()]
        if self.masks:
            lines += ["", "Masked: " + ", ".join(f"{count:,} [{kind}]" for kind, count in self.masks.most_common())]
        if self.worst:
            lines += ["", "Most surely criminal"]
            lines += [f"  row {-row + 1:,}  {p:.2f}  {shorten(evidence, 58, placeholder=' ...')!r}" for p, row, evidence in self.worst]
        return "\n".join(lines)

    def _bars(self, n: int) -> list[str]:
        most = max(self.levels.values())
        lines = []
        for value, name, _ in LEVELS:
            count = self.levels[int(value)]
            bar = "█" * round(_BAR * count / most)
            lines.append(f"{value} {name:<12} {bar:<{_BAR}} {count:7,} {count / n:6.1%}")
        return lines

    def _categories(self, n: int) -> list[str]:
        lines = [f"{'Category':<22} {'failed':>16} {'delighted':>16}"]
        for value, name, _ in CATEGORIES:
            cells = [f"{self.outcomes[str(value), o]:8,} {self.outcomes[str(value), o] / n:7.1%}" for o in ("failed", "delighted")]
            lines.append(f"{name:<22} {cells[0]} {cells[1]}")
        return lines


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
