"""The batch: rows in, the same rows with our columns out, in constant memory."""

import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError, ModelError
from servicenlp.evidence import Spans, find_evidence
from servicenlp.features import Terms, find_terms
from servicenlp.interactions import CUSTOMER, Turn, split_turns
from servicenlp.persistence import load_model
from servicenlp.readers import MISSING, Table
from servicenlp.readers.table import Row
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, OUTCOMES, values
from servicenlp.transformer import Transformer
from servicenlp.writers import Layout, open_writer

PREFIX = "service_"
BATCH = 4096
SCORED = "scored"
FLAGS = {
    "criminal": "a promise broken or a minimum violated",
    "extra-mile": "level 5 or 6",
    "churn-risk": "the relationship failed",
    "recovered": "a category failed, and yet the level is 3 or better",
    "company-first": "the company put its own bottom line first",
    "needs-review": "confidence is low",
}
_FAILED = [label.value for label in OUTCOMES].index("failed")

COLUMNS = [
    "level", "level_name", "confidence", *[f"p_level_{level.value}" for level in LEVELS], "expected_level",
    *[name for category in CATEGORY_NAMES for name in (category, f"{category}_p")],
    "focus", "ring", "cause", "interest",
    "evidence", "evidence_start", "evidence_end", "evidence_turn", "evidence_speaker",
    "flags", "status", "model",
]  # fmt: skip

# What is not text among them.
KINDS: dict[str, type] = {
    **dict.fromkeys(["level", "evidence_start", "evidence_end", "evidence_turn"], int),
    **dict.fromkeys([name for name in COLUMNS if name.startswith("p_") or name.endswith("_p")], float),
    "expected_level": float,
}

Columns = dict[str, list[Any]]

_received: ServiceClassifier  # a worker's model


def score_texts(
    model: ServiceClassifier, texts: Sequence[Any], problems: dict[int, str] | None = None, careful: Transformer | None = None
) -> Columns:
    """Score a batch of texts.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted on all targets.
    texts : sequence
        The interactions; what is not a text with words in it is skipped, and says why.
    problems : dict of int to str, optional
        What is known to be wrong with some of them; those are skipped.
    careful : Transformer, optional
        Reads again what the model is not sure of; see `Transformer.reread`.

    Returns
    -------
    dict of str to list
        `COLUMNS`, each as long as `texts`; None where a text was skipped. Offsets are characters
        of the text as it came, turns count from 0.
    """
    if "level" not in model.outputs_:
        raise ModelError("Model: does not predict the level. Found other targets only. Train it on data with a column level.")
    turns = [split_turns(text) if isinstance(text, str) else [] for text in texts]
    status = [_skip(text, own, (problems or {}).get(i)) for i, (text, own) in enumerate(zip(texts, turns, strict=True))]
    chosen = [i for i, why in enumerate(status) if why is None]
    terms = find_terms([texts[i] for i in chosen], [turns[i] for i in chosen])
    scores, found, divisor = model.score_terms(terms, len(chosen))
    ours = _columns(model, [texts[i] for i in chosen], [turns[i] for i in chosen], terms, scores, found, careful)
    columns: Columns = {name: [None] * len(texts) for name in COLUMNS}
    if len(chosen) == len(texts):
        columns |= ours
    else:
        for name, cells in ours.items():
            for i, cell in zip(chosen, cells, strict=True):
                columns[name][i] = cell
    for i in (chosen[k] for k in np.flatnonzero(divisor == 1)):
        status[i] = "skipped: no known words"
        for name in COLUMNS:
            columns[name][i] = None
    columns["status"] = [why or SCORED for why in status]
    return columns


def _skip(text: Any, turns: list[Turn], problem: str | None) -> str | None:
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
    if not any(turn.speaker == CUSTOMER and text[turn.start : turn.end].strip() for turn in turns):
        return "skipped: no customer words"
    return None


def _columns(
    model: ServiceClassifier, texts: list[str], turns: list[list[Turn]], terms: Terms, scores: Any, found: Any,
    careful: Transformer | None,
) -> Columns:  # fmt: skip
    """Return our columns for texts that hold words, from the scores of all outputs."""
    proba, offsets = model.probabilities(scores), model.offsets_
    if careful:
        proba, offsets = careful.reread(texts, proba, offsets)
    decided = {target: calibration.decide(p, offsets[target]) for target, p in proba.items()}
    level = decided["level"]
    names = [label.name for label in LEVELS]
    confidence = np.searchsorted(calibration.CONFIDENCE_EDGES, proba["level"].max(axis=1), "right")
    out: Columns = {
        "level": (level + 1).tolist(),
        "level_name": [names[k] for k in level],
        "confidence": [calibration.CONFIDENCES[k] for k in confidence],
        "expected_level": np.round((proba["level"] * np.array(values("level"))).sum(axis=1), 3).tolist(),
        **_evidence_columns(find_evidence(model, terms, found, level, len(texts)), texts, turns),
        "flags": _flags(decided, confidence),
        "model": [_model_name(model) + (f"+{careful.name}" if careful else "")] * len(texts),
    }
    for k, label in enumerate(LEVELS):
        out[f"p_level_{label.value}"] = np.round(proba["level"][:, k], 4).tolist()
    for target in decided.keys() - {"level"}:
        labels = values(target)
        out[target] = [labels[k] for k in decided[target]]
    for category in decided.keys() & set(CATEGORY_NAMES):
        sure = proba[category][np.arange(len(texts)), decided[category]]
        out[f"{category}_p"] = np.round(sure, 4).tolist()
    return out


def _evidence_columns(spans: Spans, texts: list[str], turns: list[list[Turn]]) -> Columns:
    """Return the quotation of each text and where it stands."""
    out: Columns = {name: [] for name in ("evidence", "evidence_start", "evidence_end", "evidence_turn", "evidence_speaker")}
    places = zip(texts, turns, *(part.tolist() for part in spans), strict=True)
    quoted = [
        (text[start:end], start, end, turn, own[turn].speaker) if start >= 0 else ("", None, None, None, None)
        for text, own, start, end, turn in places
    ]
    return dict(zip(out, map(list, zip(*quoted, strict=True)), strict=True)) if quoted else out


def _flags(decided: dict[str, np.ndarray], confidence: np.ndarray) -> list[str]:
    """Return the flags of each interaction, joined with "|"."""
    level = decided["level"] + 1
    none = np.zeros(len(level), bool)
    failed = {category: decided[category] == _FAILED if category in decided else none for category in CATEGORY_NAMES}
    company = decided["interest"] == values("interest").index("company") if "interest" in decided else none
    failure = np.any(list(failed.values()), axis=0)
    raised = [level == 1, level >= 5, failed["relationship"], failure & (level >= 3), company, confidence == 0]
    code = sum(flag.astype(int) << bit for bit, flag in enumerate(raised))
    names = {c: "|".join(name for bit, name in enumerate(FLAGS) if c >> bit & 1) for c in np.unique(code)}
    return [names[c] for c in code]


def _model_name(model: ServiceClassifier) -> str:
    card = getattr(model, "card_", {"name": "unsaved", "id": ""})
    return f"{card['name']}-{card['id']}".rstrip("-")


def score_frame(
    table: pd.DataFrame,
    text: str = "text",
    model: ServiceClassifier | None = None,
    prefix: str = PREFIX,
    careful: Transformer | None = None,
) -> pd.DataFrame:
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
    careful : Transformer, optional
        Reads again what the model is not sure of: ``careful=load_transformer()``. None by default.

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
    parts = [score_texts(model, table[text].iloc[i : i + BATCH].tolist(), careful=careful) for i in range(0, len(table), BATCH)]
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
    """A batch of rows and our columns for them."""

    rows: list[Row]
    columns: Columns


def score_table(model: ServiceClassifier, table: Table, workers: int = 1, careful: Transformer | None = None) -> Iterator[Scored]:
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
    careful : Transformer, optional
        Reads again what the model is not sure of, in threads of this process.
    """
    batches = table.batches(BATCH)
    at = table.text_index
    if workers < 2 or careful or table.n_rows <= BATCH or "fork" not in multiprocessing.get_all_start_methods():
        for batch in batches:
            yield Scored(batch.rows, score_texts(model, [row[at] for row in batch.rows], batch.problems, careful))
        return
    waiting: deque[tuple[list[Row], Any]] = deque()
    # Forked workers have the model already; others would import and load everything anew.
    with multiprocessing.get_context("fork").Pool(workers, _receive_model, (model,)) as pool:
        for batch in batches:
            texts = [row[at] for row in batch.rows]
            waiting.append((batch.rows, pool.apply_async(_score_with_received, (texts, batch.problems))))
            if len(waiting) > 2 * workers:
                rows, result = waiting.popleft()
                yield Scored(rows, result.get())
        for rows, result in waiting:
            yield Scored(rows, result.get())


def _receive_model(model: ServiceClassifier) -> None:
    global _received
    _received = model


def _score_with_received(texts: list[Any], problems: dict[int, str]) -> Columns:
    return score_texts(_received, texts, problems)


def score_files(
    model: ServiceClassifier,
    tables: Sequence[Table],
    output: Path | None,
    stdout: IO[str],
    *,
    prefix: str = PREFIX,
    only: Sequence[str] = (),
    workers: int = 1,
    careful: Transformer | None = None,
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
    workers, careful
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
        len(tables) == 1 and tables[0].textual,
    )
    with open_writer(output, layout, stdout) as writer:
        for table in tables:
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            for part in score_table(model, table, workers, careful):
                rows = part.rows if len(tables) == 1 else [[row[i] if i >= 0 else MISSING for i in place] for row in part.rows]
                added = zip(*(part.columns[name] for name in COLUMNS), strict=True)
                kept = _chosen(part.columns, only)
                writer.write([[*row, *cells] for row, cells, keep in zip(rows, added, kept, strict=True) if keep])
                yield part


def _chosen(columns: Columns, only: Sequence[str]) -> list[bool]:
    """Return which rows have one of the names in `only`; all of them if there are none."""
    if not only:
        return [True] * len(columns["status"])
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
            turns = split_turns(text) if isinstance(text, str) else []
            if why := _skip(text, turns, batch.problems.get(i)):
                skipped[why] += 1
                continue
            conversations += len(turns) > 1
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
