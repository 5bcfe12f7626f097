"""The batch: rows in, the same rows with our columns out, in constant memory."""

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError, ModelError
from servicenlp.evidence import Spans, find_evidence
from servicenlp.features import Terms, find_terms
from servicenlp.formats import MISSING, Row
from servicenlp.interactions import CUSTOMER, Turn, split_turns
from servicenlp.persistence import load_model
from servicenlp.readers import Batch, Source
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, OUTCOMES, values
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
    "interaction", "flags", "status", "model",
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
    model: ServiceClassifier, texts: Sequence[Any], problems: dict[int, str] | None = None, turns: dict[int, list[Turn]] | None = None
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
    turns : dict of int to list of Turn, optional
        The turns of those where they are known; the others are split.

    Returns
    -------
    dict of str to list
        `COLUMNS`, each as long as `texts`; None where a text was skipped. Offsets are characters
        of the text as it came, turns count from 0.
    """
    if "level" not in model.outputs_:
        raise ModelError("Model: does not predict the level. Found other targets only. Train it on data with a column level.")
    known = turns or {}
    own = [known[i] if i in known else split_turns(text) if isinstance(text, str) else [] for i, text in enumerate(texts)]
    status = [why_skipped(text, spoken, (problems or {}).get(i)) for i, (text, spoken) in enumerate(zip(texts, own, strict=True))]
    chosen = [i for i, why in enumerate(status) if why is None]
    terms = find_terms([texts[i] for i in chosen], [own[i] for i in chosen])
    scores, found, divisor = model.score_terms(terms, len(chosen))
    ours = _columns(model, [texts[i] for i in chosen], [own[i] for i in chosen], terms, scores, found)
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


def why_skipped(text: Any, turns: list[Turn], problem: str | None) -> str | None:
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


def _columns(model: ServiceClassifier, texts: list[str], turns: list[list[Turn]], terms: Terms, scores: Any, found: Any) -> Columns:
    """Return our columns for texts that hold words, from the scores of all outputs."""
    proba = model.probabilities(scores)
    decided = {target: calibration.decide(p, model.offsets_[target]) for target, p in proba.items()}
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
        "model": [_model_name(model)] * len(texts),
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
    """A batch of rows and our columns for them."""

    rows: list[Row]
    columns: Columns


def score_source(model: ServiceClassifier, source: Source, workers: int = 1) -> Iterator[Scored]:
    """Score an export batch by batch, in order.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    source : Source
        What to score.
    workers : int
        Processes that score while this one reads and writes. With 1, or where processes cannot be
        forked, all is done in this one. The result does not depend on it.
    """
    batches = source.batches(BATCH)
    if workers < 2 or source.table.n_rows <= BATCH or "fork" not in multiprocessing.get_all_start_methods():
        for batch in batches:
            yield Scored(batch.rows, score_batch(model, batch))
        return
    waiting: deque[tuple[list[Row], Any]] = deque()
    # Forked workers have the model already; others would import and load everything anew.
    with multiprocessing.get_context("fork").Pool(workers, _receive_model, (model,)) as pool:
        for batch in batches:
            waiting.append((batch.rows, pool.apply_async(_score_with_received, (batch._replace(rows=[]),))))
            if len(waiting) > 2 * workers:
                rows, result = waiting.popleft()
                yield Scored(rows, result.get())
        for rows, result in waiting:
            yield Scored(rows, result.get())


def score_batch(model: ServiceClassifier, batch: Batch) -> Columns:
    """Score a batch of an export; texts that are not cells of it are in the column interaction."""
    columns = score_texts(model, batch.texts, batch.problems, batch.turns)
    columns["interaction"] = [text if i in batch.made and text else None for i, text in enumerate(batch.texts)]
    return columns


def _receive_model(model: ServiceClassifier) -> None:
    global _received
    _received = model


def _score_with_received(batch: Batch) -> Columns:
    return score_batch(_received, batch)


def score_files(
    model: ServiceClassifier,
    sources: Sequence[Source],
    output: Path | None,
    stdout: IO[str],
    *,
    prefix: str = PREFIX,
    only: Sequence[str] = (),
    workers: int = 1,
) -> Iterator[Scored]:
    """Score exports into one file, and yield each batch once it is written.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    sources : sequence of Source
        Several are written one after the other; a column that one lacks stays empty in its rows.
    output, stdout
        See `open_writer`.
    prefix : str
        What our column names begin with.
    only : sequence of str
        Level names and flags; write only the rows that have one of them. All by default.
    workers : int
        See `score_source`.

    Raises
    ------
    DataError
        If a name in `only` is unknown, or a column of ours is in the input already.
    """
    known = [label.name for label in LEVELS] + list(FLAGS)
    if unknown := [name for name in only if name not in known]:
        raise DataError(f"--only: no such level or flag. Found {unknown[0]!r}. Choose from {', '.join(dict.fromkeys(known))}.")
    tables = [source.table for source in sources]
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
        for source, table in zip(sources, tables, strict=True):
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            for part in score_source(model, source, workers):
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
