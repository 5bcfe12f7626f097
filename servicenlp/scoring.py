"""The batch: rows in, the same rows with our columns out, in constant memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.evidence import find_evidence
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.persistence import load_model
from servicenlp.readers import MISSING, Table
from servicenlp.readers.table import Row
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, OUTCOMES, values
from servicenlp.writers import open_writer

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
    status = [_skip(text, (problems or {}).get(i)) for i, text in enumerate(texts)]
    scored = [i for i, why in enumerate(status) if why is None]
    columns: Columns = {name: [None] * len(texts) for name in COLUMNS}
    columns["status"] = [why or SCORED for why in status]
    if scored:
        for name, cells in _score(model, [texts[i] for i in scored]).items():
            if len(scored) == len(texts):
                columns[name] = cells
            else:
                for i, cell in zip(scored, cells, strict=True):
                    columns[name][i] = cell
    return columns


def _skip(text: Any, problem: str | None) -> str | None:
    """Say why a cell cannot be scored, or None."""
    if problem:
        return f"skipped: {problem}"
    if not isinstance(text, str):
        return "skipped: no text" if text is None or text != text or not isinstance(text, int | float) else "skipped: a number"
    if not text.strip():
        return "skipped: no text"
    if not any(map(str.isalpha, text)):
        return "skipped: no words"
    return None


def _score(model: ServiceClassifier, texts: list[str]) -> Columns:
    """Score texts that hold words."""
    turns = [split_turns(text) for text in texts]
    terms = find_terms(texts, turns)
    scores, columns, _ = model.score_terms(terms, len(texts))
    proba = model.probabilities(scores)
    decided = {target: calibration.decide(p, model.offsets_[target]) for target, p in proba.items()}
    level = decided["level"]
    names = [label.name for label in LEVELS]
    confidence = np.searchsorted(calibration.CONFIDENCE_EDGES, proba["level"].max(axis=1), "right")
    spans = find_evidence(model, terms, columns, level, len(texts))
    found = list(zip(spans.start.tolist(), spans.end.tolist(), spans.turn.tolist(), strict=True))
    out: Columns = {
        "level": (level + 1).tolist(),
        "level_name": [names[k] for k in level],
        "confidence": [calibration.CONFIDENCES[k] for k in confidence],
        "expected_level": np.round(proba["level"] @ np.array(values("level")), 3).tolist(),
        "evidence": [text[start:end] if start >= 0 else "" for text, (start, end, _) in zip(texts, found, strict=True)],
        "evidence_start": [start if start >= 0 else None for start, _, _ in found],
        "evidence_end": [end if start >= 0 else None for start, end, _ in found],
        "evidence_turn": [turn if start >= 0 else None for start, _, turn in found],
        "evidence_speaker": [own[turn].speaker if start >= 0 else None for own, (start, _, turn) in zip(turns, found, strict=True)],
        "flags": _flags(decided, confidence),
        "model": [_model_name(model)] * len(texts),
    }
    for k, name in enumerate(COLUMNS[3:9]):
        out[name] = np.round(proba["level"][:, k], 4).tolist()
    for target in (*CATEGORY_NAMES, "focus", "ring", "cause", "interest"):
        labels = values(target)
        out[target] = [labels[k] for k in decided[target]]
    for category in CATEGORY_NAMES:
        sure = proba[category][np.arange(len(texts)), decided[category]]
        out[f"{category}_p"] = np.round(sure, 4).tolist()
    return out


def _flags(decided: dict[str, np.ndarray], confidence: np.ndarray) -> list[str]:
    """Return the flags of each interaction, joined with "|"."""
    level = decided["level"] + 1
    failed = np.any([decided[category] == _FAILED for category in CATEGORY_NAMES], axis=0)
    raised = [
        level == 1,
        level >= 5,
        decided["relationship"] == _FAILED,
        failed & (level >= 3),
        decided["interest"] == values("interest").index("company"),
        confidence == 0,
    ]
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


def score_table(model: ServiceClassifier, table: Table) -> Iterator[Scored]:
    """Score a table batch by batch."""
    at = table.text_index
    for batch in table.batches(BATCH):
        yield Scored(batch.rows, score_texts(model, [row[at] for row in batch.rows], batch.problems))


def score_files(
    model: ServiceClassifier,
    tables: Sequence[Table],
    output: Path | None,
    stdout: IO[str],
    *,
    prefix: str = PREFIX,
    only: Sequence[str] = (),
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
    header = (tables[0].header or columns) if len(tables) == 1 else columns
    ours = [prefix + name for name in COLUMNS]
    kinds = {prefix + name: kind for name, kind in KINDS.items()}
    with open_writer(output, header + ours, stdout, tables[0].schema, kinds) as writer:
        for table in tables:
            place = [table.columns.index(c) if c in table.columns else -1 for c in columns]
            for part in score_table(model, table):
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
            if why := _skip(text, batch.problems.get(i)):
                skipped[why] += 1
                continue
            conversations += len(split_turns(text)) > 1
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
