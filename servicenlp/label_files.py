"""Exports to files with labels: every row as it came, with what rules and model say of it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from servicenlp.classifier import ServiceClassifier
from servicenlp.formats import MISSING
from servicenlp.labelling import COLUMNS, KINDS, PREFIX, Ballots, Columns, check_free, collect_votes, decide_labels, join_ballots, quote
from servicenlp.readers import Batch, Source
from servicenlp.rulebook import Rulebook
from servicenlp.scoring import BATCH
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS
from servicenlp.writers import Layout, open_writer


class Labelled(NamedTuple):
    """What became of some exports: the ballots of all rows, and our columns."""

    ballots: Ballots
    columns: Columns


def label_sources(sources: Sequence[Source], book: Rulebook, model: ServiceClassifier | None = None, progress: Any = None) -> Labelled:
    """Label all interactions of some exports.

    Parameters
    ----------
    sources : sequence of Source
        See `open_sources`. They are read twice when the labels are written: votes are weighed all
        at once, and the words need not be held meanwhile.
    book, model
        See `collect_votes`.
    progress : callable, optional
        Called with the number of rows done.
    """
    parts = []
    for source in sources:
        for batch in source.batches(BATCH):
            parts.append(collect_votes(book, model, batch.texts, batch.problems, batch.turns))
            if progress:
                progress(len(batch.rows))
    ballots = join_ballots(parts) if parts else collect_votes(book, model, [])
    return Labelled(ballots, decide_labels(book, ballots, model))


def write_labels(
    sources: Sequence[Source], labelled: Labelled, book: Rulebook, output: Path | None, stdout: IO[str], *,
    prefix: str = PREFIX, only_labelled: bool = False,
) -> None:  # fmt: skip
    """Write every row of some exports with our columns after its own.

    Parameters
    ----------
    sources : sequence of Source
        Those that were labelled.
    labelled : Labelled
        See `label_sources`.
    book : Rulebook
        The rules that voted.
    output, stdout
        See `open_writer`.
    prefix : str
        What our column names begin with.
    only_labelled : bool
        Whether rows without a level are left out.

    Raises
    ------
    DataError
        If a column of ours is in the input already.
    """
    for source in sources:
        check_free(source.table.columns, prefix, source.table.name)
    header = list(dict.fromkeys(column for source in sources for column in source.table.columns))
    layout = Layout(header + [prefix + name for name in COLUMNS], {prefix + name: kind for name, kind in KINDS.items()})
    columns, first = labelled.columns, 0
    with open_writer(output, layout, stdout) as writer:
        for source in sources:
            place = [source.table.columns.index(c) if c in source.table.columns else -1 for c in header]
            for batch in source.batches(BATCH):
                quote(book, columns, labelled.ballots, batch.texts, first)
                for i in batch.made:
                    columns["interaction"][first + i] = batch.texts[i] or None
                writer.write(_rows(batch, columns, first, place, only_labelled))
                first += len(batch.rows)


def _rows(batch: Batch, columns: Columns, first: int, place: list[int], only_labelled: bool) -> list[list[Any]]:
    return [
        [*(row[k] if k >= 0 else MISSING for k in place), *(columns[name][i] for name in COLUMNS)]
        for i, row in enumerate(batch.rows, first)
        if not only_labelled or columns["level"][i] is not None
    ]


def render(columns: Columns) -> str:
    """Return what was labelled, for a terminal."""
    n, status = len(columns["status"]), Counter(columns["status"])
    levels = Counter(columns["level"])
    lines = [f"{n:,} rows", *(f"  {count:7,}  {why}" for why, count in status.most_common()), "", "Level"]
    lines += [f"  {level.value} {level.name:<12} {levels[level.value]:7,}" for level in LEVELS]
    lines += ["", f"{'Category':<22} {'failed':>8} {'delighted':>10}"]
    for category in CATEGORY_NAMES:
        told = Counter(columns[category])
        lines.append(f"{category:<22} {told['failed']:>8,} {told['delighted']:>10,}")
    return "\n".join(lines)
