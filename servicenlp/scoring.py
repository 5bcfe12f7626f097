"""The batch: rows in, the same rows with our columns out, in constant memory."""

import gc
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import compress
from pathlib import Path
from textwrap import shorten
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.columns import (
    COLUMNS,
    FLAGS,
    KINDS,
    SCORED,
    TEXTS,
    VALUES,
    Columns,
    Scores,
    cells,
    flag_codes,
    level_codes,
    probability_codes,
)
from servicenlp.errors import DataError, ModelError
from servicenlp.evidence import Spans, find_evidence
from servicenlp.features import Terms, find_terms
from servicenlp.interactions import CUSTOMER, Turn, split_turns
from servicenlp.persistence import load_model
from servicenlp.readers import MISSING, Table
from servicenlp.readers.table import Batch, Row
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, OUTCOMES, values
from servicenlp.writers import Layout, Writer, open_writer

PREFIX = "service_"
BATCH = 1024  # small enough for the caches of a processor
_FAILED = [label.value for label in OUTCOMES].index("failed")

_received: "_Job"  # a worker's


def score_texts(model: ServiceClassifier, texts: Sequence[Any], problems: dict[int, str] | None = None) -> Columns:
    """Score a batch of texts.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted on all targets.
    texts : sequence
        The interactions; what is not a text with words in it is skipped, and says why.
    problems : dict of int to str, optional
        What is known to be wrong with some of them; those are skipped.

    Returns
    -------
    dict of str to list
        `COLUMNS`, each as long as `texts`; None where a text was skipped. Offsets are characters
        of the text as it came, turns count from 0.
    """
    return cells(_score(model, texts, problems or {}), texts, VALUES)


def _score(model: ServiceClassifier, texts: Sequence[Any], problems: dict[int, str]) -> Scores:
    """Score a batch of texts; see `score_texts`."""
    if "level" not in model.outputs_:
        raise ModelError("Model: does not predict the level. Found other targets only. Train it on data with a column level.")
    turns = [split_turns(text) if isinstance(text, str) and ":" in text else None for text in texts]
    skipped = [_skip(text, own, problems.get(i)) for i, (text, own) in enumerate(zip(texts, turns, strict=True))]
    chosen = [i for i, why in enumerate(skipped) if why is None]
    terms = find_terms([texts[i] for i in chosen], [turns[i] for i in chosen])
    scores, found, divisor = model.score_terms(terms, len(chosen))
    codes, spans = _codes(model, terms, scores, found)
    known = divisor > 1
    status = [why or SCORED for why in skipped]
    for i in np.flatnonzero(~known):
        status[chosen[i]] = "skipped: no known words"
    place = np.array(chosen, int)[known]

    def spread(part: Any) -> Any:
        """Leave room for the texts that were skipped."""
        whole = np.full(len(texts), -1, part.dtype)
        whole[place] = part[known]
        return whole

    return Scores({name: spread(part) for name, part in codes.items()}, Spans(*map(spread, spans)), status, _model_name(model))


def _skip(text: Any, turns: list[Turn] | None, problem: str | None) -> str | None:
    """Say why a cell cannot be scored, or None."""
    if problem:
        return f"skipped: {problem}"
    if not isinstance(text, str):
        absent = text is None or text is MISSING or text is pd.NA or text != text
        return "skipped: no text" if absent else "skipped: not a text"
    if not text.strip():
        return "skipped: no text"
    if not any(map(str.isalpha, text)):
        return "skipped: no words"
    if turns is not None and not any(turn.speaker == CUSTOMER and text[turn.start : turn.end].strip() for turn in turns):
        return "skipped: no customer words"
    return None


def _codes(model: ServiceClassifier, terms: Terms, scores: Any, found: Any) -> tuple[dict[str, Any], Spans]:
    """Return our columns for texts that hold words, from the scores of all outputs."""
    proba = model.probabilities(scores)
    decided = {target: calibration.decide(p, model.offsets_[target]) for target, p in proba.items()}
    level = decided["level"]
    confidence = np.searchsorted(calibration.CONFIDENCE_EDGES, proba["level"].max(axis=1), "right")
    codes = {
        **decided,
        "level_name": level,
        "confidence": confidence,
        "expected_level": level_codes((proba["level"] * np.array(values("level"))).sum(axis=1)),
        "flags": flag_codes(_flags(decided, confidence)),
    }
    for k, label in enumerate(LEVELS):
        codes[f"p_level_{label.value}"] = probability_codes(proba["level"][:, k])
    for category in decided.keys() & set(CATEGORY_NAMES):
        codes[f"{category}_p"] = probability_codes(proba[category][np.arange(len(level)), decided[category]])
    return {name: part.astype(np.int16) for name, part in codes.items()}, find_evidence(model, terms, found, level, len(level))


def _flags(decided: dict[str, np.ndarray], confidence: np.ndarray) -> list[np.ndarray]:
    """Return whether each of `FLAGS` is raised for each interaction."""
    level = decided["level"] + 1
    none = np.zeros(len(level), bool)
    failed = {category: decided[category] == _FAILED if category in decided else none for category in CATEGORY_NAMES}
    company = decided["interest"] == values("interest").index("company") if "interest" in decided else none
    failure = np.any(list(failed.values()), axis=0)
    return [level == 1, level >= 5, failed["relationship"], failure & (level >= 3), company, confidence == 0]


def _model_name(model: ServiceClassifier) -> str:
    card = getattr(model, "card_", {"name": "unsaved", "id": ""})
    return f"{card['name']}-{card['id']}".rstrip("-")


def score_frame(table: pd.DataFrame, text: str = "text", model: ServiceClassifier | None = None, prefix: str = PREFIX) -> pd.DataFrame:
    """Score a DataFrame.

    Parameters
    ----------
    table : DataFrame
        Any columns.
    text : str
        The column of the customer's words.
    model : ServiceClassifier, optional
        The shipped one by default.
    prefix : str
        What our column names begin with.

    Returns
    -------
    DataFrame
        The same rows, columns and index, with our columns after them.

    Raises
    ------
    DataError
        If the column is not there, or one of ours is there already.

    Examples
    --------
    >>> import pandas as pd
    >>> scored = score_frame(pd.DataFrame({"text": ["You charged me twice and nobody answers."]}))
    >>> int(scored.service_level[0])
    1
    """
    if text not in table:
        raise DataError(f"DataFrame: no column {text!r}. Found {', '.join(map(repr, table.columns[:8]))}. Name it with text=.")
    check_free(list(map(str, table.columns)), prefix, "DataFrame")
    model = model or load_model()
    parts = [score_texts(model, table[text].iloc[i : i + BATCH].tolist()) for i in range(0, len(table), BATCH)]
    ours = pd.DataFrame({prefix + name: [cell for part in parts for cell in part[name]] for name in COLUMNS}, index=table.index)
    return pd.concat([table, ours], axis=1)


def check_free(columns: list[str], prefix: str, name: str) -> None:
    """Raise DataError if a column of ours would meet one of the input's."""
    taken = [column for column in columns if column in {prefix + own for own in COLUMNS}]
    if taken:
        raise DataError(
            f"{name}: already has columns of ours. Found {', '.join(map(repr, taken[:5]))}. "
            "Score the unscored file, or choose other names with --prefix."
        )


class Scored(NamedTuple):
    """A batch of rows, our columns for them, and what `finish` made of both (see `score_table`)."""

    rows: list[Row]
    columns: Columns
    finished: Any = None


Finish = Callable[[list[Row], Scores, list[Any]], Any]


def score_table(model: ServiceClassifier, table: Table, workers: int = 1, finish: Finish | None = None) -> Iterator[Scored]:
    """Score a table batch by batch, in order.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    table : Table
        What to score.
    workers : int
        Processes that score while this one reads and writes. With 1, or where processes cannot be
        forked, all is done in this one. The result does not depend on it.
    finish : callable, optional
        What else to do with rows, scores and texts of a batch, wherever it is scored.
    """
    at = table.text_index
    job = _Job(model, at, finish)
    batches = table.batches(BATCH)
    done: Iterator[tuple[list[Row], Scores, Any]]
    if workers < 2 or table.n_rows <= BATCH or "fork" not in multiprocessing.get_all_start_methods():
        done = ((batch.rows, *job.run(*batch)) for batch in batches)
    else:
        done = _share(job, batches, workers)
    for rows, scores, finished in done:
        yield Scored(rows, cells(scores, [row[at] for row in rows], VALUES), finished)


class _Job(NamedTuple):
    """What is done with each batch."""

    model: ServiceClassifier
    text_index: int
    finish: Finish | None

    def run(self, rows: list[Row], problems: dict[int, str]) -> tuple[Scores, Any]:
        texts = [row[self.text_index] for row in rows]
        scores = _score(self.model, texts, problems)
        return scores, self.finish(rows, scores, texts) if self.finish else None


def _share(job: _Job, batches: Iterator[Batch], workers: int) -> Iterator[tuple[list[Row], Scores, Any]]:
    """Do a job on each batch in other processes."""
    waiting: deque[tuple[list[Row], Any]] = deque()
    # Forked workers have the model already; others would import and load everything anew.
    with multiprocessing.get_context("fork").Pool(workers, _receive, (job,)) as pool:
        for batch in batches:
            waiting.append((batch.rows, pool.apply_async(_run_received, batch)))
            if len(waiting) > 2 * workers:
                rows, result = waiting.popleft()
                yield rows, *result.get()
        for rows, result in waiting:
            yield rows, *result.get()


def _receive(job: _Job) -> None:
    global _received
    _received = job
    gc.freeze()  # what the parent made stays, and need not be looked through again and again


def _run_received(rows: list[Row], problems: dict[int, str]) -> tuple[Scores, Any]:
    return _received.run(rows, problems)


def score_files(
    model: ServiceClassifier,
    tables: Sequence[Table],
    output: Path | None,
    stdout: IO[str],
    *,
    prefix: str = PREFIX,
    only: Sequence[str] = (),
    workers: int = 1,
) -> Iterator[Scored]:
    """Score tables into one file, and yield each batch once it is written.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    tables : sequence of Table
        Several are written one after the other; a column that one lacks stays empty in its rows.
    output, stdout
        See `open_writer`.
    prefix : str
        What our column names begin with.
    only : sequence of str
        Level names and flags; write only the rows that have one of them. All by default.
    workers : int
        See `score_table`.

    Raises
    ------
    DataError
        If a name in `only` is unknown, or a column of ours is in the input already.
    """
    known = [label.name for label in LEVELS] + list(FLAGS)
    if unknown := [name for name in only if name not in known]:
        raise DataError(f"--only: no such level or flag. Found {unknown[0]!r}. Choose from {', '.join(dict.fromkeys(known))}.")
    for table in tables:
        check_free(table.columns, prefix, table.name)
    columns = list(dict.fromkeys(column for table in tables for column in table.columns))
    delimited = output is None or output.suffix.lower() in (".csv", ".tsv")  # repeated names are no trouble there
    header = tables[0].header if len(tables) == 1 and delimited and tables[0].header else columns
    layout = Layout(
        header + [prefix + name for name in COLUMNS],
        {prefix + name: kind for name, kind in KINDS.items()},
        tables[0].schema if all(table.schema == tables[0].schema for table in tables) else None,
    )
    with open_writer(output, layout, stdout) as writer:
        for table in tables:
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            for part in score_table(model, table, workers, partial(_finish, writer, place, only)):
                writer.put(part.finished)
                yield part


def _finish(writer: Writer, place: list[int], only: Sequence[str], rows: list[Row], scores: Scores, texts: list[Any]) -> Any:
    """Return the rows to write, with our columns and in the order of `place`, as the writer wants them."""
    given = list(zip(*rows, strict=True))
    absent = [MISSING] * len(rows)
    ours = cells(scores, texts, TEXTS if writer.textual else VALUES)
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


def preview(table: Table) -> str:
    """Return what was detected in a table and what would be scored, for people."""
    skipped: Counter[str] = Counter()
    conversations = 0
    sample: list[str] = []
    for batch in table.batches(BATCH):
        for i, row in enumerate(batch.rows):
            text = row[table.text_index]
            turns = split_turns(text) if isinstance(text, str) else None
            if why := _skip(text, turns, batch.problems.get(i)):
                skipped[why] += 1
                continue
            conversations += turns is not None and len(turns) > 1
            if len(sample) < 3:
                sample.append(shorten(text, 70, placeholder=" ..."))
    lines = [
        f"{table.name}: {table.form}",
        f"  {table.n_rows:,} rows, {len(table.columns)} columns",
        f"  text column  {table.text_column!r}",
        f"  other columns  {shorten(', '.join(c for c in table.columns if c != table.text_column), 60, placeholder=' ...')}",
        f"  to be scored  {table.n_rows - skipped.total():,}, of them {conversations:,} conversations",
        *(f"  {count:,} {why}" for why, count in skipped.most_common()),
        *(f"  e.g. {text!r}" for text in sample),
    ]
    return "\n".join(lines)
