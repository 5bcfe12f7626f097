"""The batch: exports in, the same rows with our columns out, in constant memory, by several processes."""

import gc
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import compress
from pathlib import Path
from typing import IO, Any, NamedTuple

from servicenlp.columns import COLUMNS, FLAGS, KINDS, TEXTS, VALUES, Columns, Scores, cells
from servicenlp.errors import DataError
from servicenlp.formats import MISSING
from servicenlp.journal import Journal
from servicenlp.privacy import redact, redact_turns
from servicenlp.readers import Batch, Source
from servicenlp.scoring import BATCH, PREFIX, Scorer, check_free
from servicenlp.taxonomy import LEVELS
from servicenlp.writers import Layout, Writer, open_writer

_SELDOM = 100_000  # objects made before the garbage collector looks
_received: "_Job"  # a worker's


class Scored(NamedTuple):
    """A batch, its scores, what `finish` made of both (see `score_source`), and the masks put in by kind."""

    batch: Batch
    scores: Scores
    finished: Any = None
    masks: Counter[str] = Counter()


Finish = Callable[[Batch, Scores], Any]


def score_source(
    scorer: Scorer, source: Source, workers: int = 1, finish: Finish | None = None, skip: int = 0, masked: bool = False
) -> Iterator[Scored]:
    """Score an export batch by batch, in order.

    Parameters
    ----------
    scorer : Scorer
        How.
    source : Source
        What to score.
    workers : int
        Processes that score while this one reads and writes. With 1, or where processes cannot be
        forked, all is done in this one. The result does not depend on it.
    finish : callable, optional
        What else to do with a batch and its scores, wherever it is scored.
    skip : int
        How many rows are done already.
    masked : bool
        Whether all that tells who somebody is is masked first, in every cell; see `privacy.redact`.
    """
    job = _Job(scorer, finish)
    masks: deque[Counter[str]] = deque()  # of the batches that are under way
    batches = source.batches(BATCH, skip)
    if masked:
        batches = (redact_batch(batch, masks) for batch in batches)
    done: Iterator[tuple[Batch, Scores, Any]]
    # The transformer has threads of its own, which do not outlive a fork.
    if workers < 2 or scorer.careful or source.table.n_rows <= BATCH or "fork" not in multiprocessing.get_all_start_methods():
        done = ((batch, *job.run(batch)) for batch in batches)
    else:
        done = _share(job, batches, workers)
    with _collecting_seldom():
        for batch, scores, finished in done:
            yield Scored(batch, scores, finished, masks.popleft() if masks else Counter())


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let the garbage collector look less often: a batch is many small objects and no cycles, and a tenth of the time is spent there."""
    before = gc.get_threshold()
    gc.set_threshold(_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def redact_batch(batch: Batch, masks: deque[Counter[str]]) -> Batch:
    """Return a batch with masks in its texts and its cells; `masks` is given the count of those in the cells."""
    texts, turns = list(batch.texts), dict(batch.turns)
    counts: Counter[str] = Counter()
    for i, text in enumerate(texts):
        if isinstance(text, str):
            texts[i], moved, _ = redact_turns(text, turns.get(i, []))
            turns |= {i: moved} if i in turns else {}
    masks.append(counts)
    return batch._replace(rows=[[redact_value(cell, counts) for cell in row] for row in batch.rows], texts=texts, turns=turns)


def redact_value(value: Any, masks: Counter[str]) -> Any:
    """Return a cell with masks in all its texts; `masks` counts them."""
    if isinstance(value, str):
        text, found = redact(value)
        masks.update(found)
        return text
    if isinstance(value, list):
        return [redact_value(one, masks) for one in value]
    return {name: redact_value(one, masks) for name, one in value.items()} if isinstance(value, dict) else value


class _Job(NamedTuple):
    """What is done with each batch."""

    scorer: Scorer
    finish: Finish | None

    def run(self, batch: Batch) -> tuple[Scores, Any]:
        scores = self.scorer.score(batch.texts, batch.problems, batch.turns)
        return scores, self.finish(batch, scores) if self.finish else None


def _share(job: _Job, batches: Iterator[Batch], workers: int) -> Iterator[tuple[Batch, Scores, Any]]:
    """Do a job on each batch in other processes."""
    waiting: deque[tuple[Batch, Future[tuple[Scores, Any]]]] = deque()
    # Forked workers have the model already; others would import and load everything anew.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _receive, (job,))
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(_run_received, batch)))
            if len(waiting) > 2 * workers:
                done, result = waiting.popleft()
                yield done, *result.result()
        for done, result in waiting:
            yield done, *result.result()
    except BrokenProcessPool as error:
        raise DataError(
            "A worker was ended from outside. Found no cause: often memory lacks. Go on with --resume, and fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _receive(job: _Job) -> None:
    global _received
    _received = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()  # what the parent made stays, and need not be looked through again and again
    gc.set_threshold(_SELDOM)


def _end_with_parent() -> None:
    """Wait until the process that reads and writes is gone, and go too: nobody takes what is scored."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _run_received(batch: Batch) -> tuple[Scores, Any]:
    return _received.run(batch)


class Choices(NamedTuple):
    """What is written.

    Attributes
    ----------
    prefix : str
        What our column names begin with.
    only : sequence of str
        Level names and flags; only the rows that have one of them are written. All by default.
    excel_safe : bool
        Whether CSV cells that a spreadsheet would run as a formula are written as text.
    redact : bool
        Whether all that tells who somebody is is masked, in what is judged and in every cell.
    """

    prefix: str = PREFIX
    only: Sequence[str] = ()
    excel_safe: bool = False
    redact: bool = False


def score_files(
    scorer: Scorer,
    sources: Sequence[Source],
    output: Path | None,
    stdout: IO[str],
    choices: Choices = Choices(),  # noqa: B008
    *,
    workers: int = 1,
    journal: Journal | None = None,
    state: Callable[[], Any] = lambda: None,
) -> Iterator[Scored]:
    """Score exports into one file, and yield each batch once it is written.

    Parameters
    ----------
    scorer : Scorer
        How.
    sources : sequence of Source
        Several are written one after the other; a column that one lacks stays empty in its rows.
    output, stdout
        See `open_writer`.
    choices : Choices
        What is written.
    workers : int
        See `score_source`.
    journal : Journal, optional
        Notes what is done, and where to go on.
    state : callable
        What to remember in the journal, asked once a batch was taken.

    Raises
    ------
    DataError
        If a name in `only` is unknown, or a column of ours is in the input already.
    """
    check_names(choices.only)
    for source in sources:
        check_free(source.table.columns, choices.prefix, source.table.name)
    columns = list(dict.fromkeys(column for source in sources for column in source.table.columns))
    skip = journal.rows if journal else 0
    with open_writer(output, _layout(sources, columns, output, choices), stdout, journal) as writer:
        for source in sources:
            table = source.table
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            finish = partial(_finish, writer, place, choices.only)
            for part in score_source(scorer, source, workers, finish, min(skip, table.n_rows), choices.redact):
                writer.put(part.finished)
                yield part
                if journal and (size := writer.position()):  # a file that cannot grow begins anew
                    journal.commit(len(part.batch.rows), size, state())
            skip -= min(skip, table.n_rows)


def check_names(only: Sequence[str]) -> None:
    """Raise DataError if one is neither a level's name nor a flag."""
    known = [label.name for label in LEVELS] + list(FLAGS)
    if unknown := [name for name in only if name not in known]:
        raise DataError(f"--only: no such level or flag. Found {unknown[0]!r}. Choose from {', '.join(dict.fromkeys(known))}.")


def _layout(sources: Sequence[Source], columns: list[str], output: Path | None, choices: Choices) -> Layout:
    first = sources[0].table
    delimited = output is None or output.suffix.lower() in (".csv", ".tsv")  # repeated names are no trouble there
    header = first.header if len(sources) == 1 and delimited and first.header else columns
    return Layout(
        header + [choices.prefix + name for name in COLUMNS],
        {choices.prefix + name: kind for name, kind in KINDS.items()},
        first.schema if all(source.table.schema == first.schema for source in sources) else None,
        choices.excel_safe,
    )


def _finish(writer: Writer, place: list[int], only: Sequence[str], batch: Batch, scores: Scores) -> Any:
    """Return the rows to write, with our columns and in the order of `place`, as the writer wants them."""
    given = list(zip(*batch.rows, strict=True))
    absent = [MISSING] * len(batch.rows)
    ours = cells(scores, batch.texts, TEXTS if writer.textual else VALUES, batch.made)
    columns = [given[i] if i >= 0 else absent for i in place] + [ours[name] for name in COLUMNS]
    if only:
        kept = _chosen(ours, only)
        columns = [list(compress(column, kept)) for column in columns]
    return writer.prepare(columns)


def _chosen(columns: Columns, only: Sequence[str]) -> list[bool]:
    """Return which rows have one of the names in `only`."""
    names = set(only)
    pairs = zip(columns["level_name"], columns["flags"], strict=True)
    return [name in names or not names.isdisjoint((flags or "").split("|")) for name, flags in pairs]
