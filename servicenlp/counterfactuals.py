"""What if the words had been others: texts changed a little, and where their level moves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.calibration import decide
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.taxonomy import values

_MOST = 8  # more words than this are no small change


def change_words(model: ServiceClassifier, text: str, changes: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Tell what the level would be, had some words been others.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted on the level.
    text : str
        The interaction.
    changes : sequence of (str, str)
        What to replace, and by what; each on its own, wherever it stands. ``("", more)`` adds
        words at the end.

    Returns
    -------
    DataFrame
        The text as it is in the first row, and a row for each change: change, text, level,
        expected_level (the mean of the distribution), moved (the difference of that from the first
        row) and ``p_level_1`` to ``p_level_6``.

    Raises
    ------
    DataError
        If what is to be replaced is not in the text.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> table = change_words(load_model(), "The driver was rude.", [("rude", "lovely")])
    >>> table[["change", "level"]].values.tolist()
    [['as it is', 2], ['rude → lovely', 4]]
    """
    if missing := [old for old, _ in changes if old not in text]:
        raise DataError(f"Text: nothing to replace. Found no {missing[0]!r} in it. Copy the words to the letter.")
    texts = [text, *(text.replace(old, new) if old else f"{text} {new}" for old, new in changes)]
    names = ["as it is", *(f"{old} → {new}" if old and new else f"without: {old}" if old else f"and: {new}" for old, new in changes)]
    return _judge(model, texts, names)


def leave_out_clauses(model: ServiceClassifier, text: str) -> pd.DataFrame:
    """Tell what the level would be without each clause of the text.

    Returns
    -------
    DataFrame
        As `change_words`; `change` is the clause that is left out.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> table = leave_out_clauses(load_model(), "The room was lovely. Nobody called me back.")
    >>> table[["change", "level"]].values.tolist()
    [['as it is', 4], ['without: The room was lovely', 1], ['without: Nobody called me back', 4]]
    """
    terms = find_terms([text], [split_turns(text)])
    clauses = [(int(terms.start[at[0]]), int(terms.end[at[-1]])) for at in _runs(terms.clause)]
    texts = [text, *(text[:start] + text[end:] for start, end in clauses)]
    return _judge(model, texts, ["as it is", *(f"without: {text[start:end]}" for start, end in clauses)])


def fewest_words(model: ServiceClassifier, text: str) -> tuple[list[str], pd.DataFrame]:
    """Find a few words without which the text would have another level.

    The word that speaks most for the level is left out first, then the next, until the level moves.

    Returns
    -------
    words : list of str
        Those left out, in that order; empty if even without eight words the level stays.
    table : DataFrame
        As `change_words`: after each word that was left out.

    Notes
    -----
    Martens and Provost 2014, *Explaining Data-Driven Document Classifications*; this is their
    search without backtracking, so that fewer words might do now and then.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> fewest_words(load_model(), "You promised a refund three weeks ago and I am still waiting. The girl was kind, though.")[0]
    ['promised']
    """
    words: list[str] = []
    told = _judge(model, [text], ["as it is"])
    level, tables, now = int(told.level[0]), [told], text
    while len(words) < _MOST:
        terms = find_terms([now], [split_turns(now)])
        places = [(start, end) for start, end in zip(terms.start.tolist(), terms.end.tolist(), strict=True) if now[start:end].isalnum()]
        if not places:
            break
        tried = _judge(model, [now[:start] + now[end:] for start, end in places], [now[start:end] for start, end in places])
        best = int(np.where(tried.level != level, -1, tried[f"p_level_{level}"]).argmin())
        words.append(str(tried.change[best]))
        now = str(tried.text[best])
        tables.append(tried.iloc[[best]].assign(change=f"without: {', '.join(words)}"))
        if tried.level[best] != level:
            break
    table = pd.concat(tables, ignore_index=True)
    table["moved"] = table["expected_level"] - table["expected_level"][0]
    return (words if table.level.iloc[-1] != level else []), table


def _judge(model: ServiceClassifier, texts: list[str], names: list[str]) -> pd.DataFrame:
    proba = model.predict_proba(texts)
    mean = proba @ np.array(values("level"))
    told = {"change": names, "text": texts, "level": decide(proba, model.offsets_["level"]) + 1}
    told |= {"expected_level": mean, "moved": mean - mean[0]}
    return pd.DataFrame({**told, **{f"p_level_{level}": proba[:, k] for k, level in enumerate(values("level"))}})


def _runs(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the places of each run of equal numbers."""
    return np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers)) + 1) if len(numbers) else []
