"""Texts to columns: what is judged, how, and what is said where nothing can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier, require_level
from servicenlp.columns import (
    COLUMNS,
    SCORED,
    VALUES,
    Columns,
    Scores,
    cells,
    flag_codes,
    level_codes,
    probability_codes,
)
from servicenlp.errors import DataError
from servicenlp.evidence import Spans, find_evidence
from servicenlp.features import Terms, find_terms
from servicenlp.formats import MISSING
from servicenlp.interactions import CUSTOMER, Turn, split_turns
from servicenlp.language import foreign
from servicenlp.persistence import load_model
from servicenlp.preprocessing import clean, says_nothing
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, OUTCOMES, values
from servicenlp.transformer import Transformer

PREFIX = "service_"
BATCH = 1024  # small enough for the caches of a processor
_STRANGE = 0.33  # share of words that the model does not know, above which the language is asked for
_FAILED = [label.value for label in OUTCOMES].index("failed")


@dataclass(frozen=True)
class Scorer:
    """How interactions are judged.

    Attributes
    ----------
    model : ServiceClassifier
        Fitted on the level at least.
    careful : Transformer or None
        Reads again what the model is not sure of; see `Transformer.reread`.
    any_language : bool
        Whether texts that surely are not English are scored as well.

    Raises
    ------
    ModelError
        If the model does not predict the level.
    """

    model: ServiceClassifier
    careful: Transformer | None = None
    any_language: bool = False

    def __post_init__(self) -> None:
        require_level(self.model)

    @property
    def name(self) -> str:
        """Name and content hash of the model, or of both."""
        card = getattr(self.model, "card_", {"name": "unsaved", "id": ""})
        return f"{card['name']}-{card['id']}".rstrip("-") + (f"+{self.careful.name}" if self.careful else "")

    def score(self, texts: Sequence[Any], problems: dict[int, str], turns: dict[int, list[Turn]]) -> Scores:
        """Score a batch of texts; see `score_texts`."""
        own = [turns.get(i) or _split(text) for i, text in enumerate(texts)]
        skipped = [why_skipped(text, spoken, problems.get(i)) for i, (text, spoken) in enumerate(zip(texts, own, strict=True))]
        chosen = [i for i, why in enumerate(skipped) if why is None]
        given = [texts[i] for i in chosen]
        terms = find_terms(given, [own[i] for i in chosen])
        scores, found, divisor = self.model.score_terms(terms, len(chosen))
        codes, spans = self._codes(given, terms, scores, found)
        reasons = self._reasons(given, terms, found, divisor)
        known = np.array([why is None for why in reasons], bool)
        for i, why in zip(chosen, reasons, strict=True):
            skipped[i] = why
        place = np.array(chosen, int)[known]

        def spread(part: Any) -> Any:
            """Leave room for the texts that were skipped."""
            whole = np.full(len(texts), -1, part.dtype)
            whole[place] = part[known]
            return whole

        status = [why or SCORED for why in skipped]
        return Scores({name: spread(part) for name, part in codes.items()}, Spans(*map(spread, spans)), status, self.name)

    def _reasons(self, texts: list[str], terms: Terms, found: Any, divisor: Any) -> list[str | None]:
        """Say of each text why its words cannot be judged, or None."""
        words = terms.text[: len(terms.start)]
        strange = np.bincount(words[found[: len(words)] < 0], minlength=len(texts))
        # Who knows nearly all words need not ask for the language, which takes as long as all else.
        asked = np.flatnonzero(strange > _STRANGE * np.bincount(words, minlength=len(texts)))
        reasons: list[str | None] = [None if n > 1 else "skipped: no known words" for n in divisor]
        if not self.any_language:
            for i, name in zip(asked, foreign([texts[i] for i in asked]), strict=True):
                reasons[i] = f"skipped: other language ({name})" if name else reasons[i]
        return reasons

    def _codes(self, texts: list[str], terms: Terms, scores: Any, found: Any) -> tuple[dict[str, Any], Spans]:
        """Return our columns for texts that hold words, from the scores of all outputs."""
        proba, offsets = self.model.probabilities(scores), self.model.offsets_
        if self.careful:
            proba, offsets = self.careful.reread(texts, proba, offsets)
        decided = {target: calibration.decide(p, offsets[target]) for target, p in proba.items()}
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
        return {name: part.astype(np.int16) for name, part in codes.items()}, find_evidence(self.model, terms, found, level, len(level))


def score_texts(
    model: ServiceClassifier,
    texts: Sequence[Any],
    problems: dict[int, str] | None = None,
    turns: dict[int, list[Turn]] | None = None,
    careful: Transformer | None = None,
) -> Columns:
    """Score a batch of texts.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted on the level at least.
    texts : sequence
        The interactions; what is not a text with words in it is skipped, and says why.
    problems : dict of int to str, optional
        What is known to be wrong with some of them; those are skipped.
    turns : dict of int to list of Turn, optional
        The turns of those where they are known; the others are split.
    careful : Transformer, optional
        Reads again what the model is not sure of; see `Transformer.reread`.

    Returns
    -------
    dict of str to list
        `COLUMNS`, each as long as `texts`; None where a text was skipped. Offsets are characters
        of the text as it came, turns count from 0.
    """
    return cells(Scorer(model, careful).score(texts, problems or {}, turns or {}), texts, VALUES)


def _split(text: Any) -> list[Turn] | None:
    """Return a text's turns; None is one of the customer."""
    return split_turns(text) if isinstance(text, str) and (":" in text or "\n" in text) else None


def why_skipped(text: Any, turns: list[Turn] | None, problem: str | None) -> str | None:
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
    if says_nothing(text):
        return "skipped: no text"
    if turns is not None and not any(turn.speaker == CUSTOMER and text[turn.start : turn.end].strip() for turn in turns):
        return "skipped: no customer words"
    return None


def _flags(decided: dict[str, np.ndarray], confidence: np.ndarray) -> list[np.ndarray]:
    """Return whether each of `FLAGS` is raised for each interaction."""
    level = decided["level"] + 1
    none = np.zeros(len(level), bool)
    failed = {category: decided[category] == _FAILED if category in decided else none for category in CATEGORY_NAMES}
    company = decided["interest"] == values("interest").index("company") if "interest" in decided else none
    failure = np.any(list(failed.values()), axis=0)
    return [level == 1, level >= 5, failed["relationship"], failure & (level >= 3), company, confidence == 0]


def score_frame(
    table: pd.DataFrame,
    text: str = "text",
    model: ServiceClassifier | None = None,
    prefix: str = PREFIX,
    careful: Transformer | None = None,
    any_language: bool = False,
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
    any_language : bool
        Whether texts that surely are not English are scored as well.

    Returns
    -------
    DataFrame
        The same rows, columns and index, with our columns after them.

    Raises
    ------
    DataError
        If the column is not there, or is there twice, or one of ours is there already.

    Examples
    --------
    >>> import pandas as pd
    >>> scored = score_frame(pd.DataFrame({"text": ["You charged me twice and nobody answers."]}))
    >>> int(scored.service_level[0])
    1
    """
    if text not in table:
        raise DataError(f"DataFrame: no column {text!r}. Found {', '.join(map(repr, table.columns[:8]))}. Name it with text=.")
    if list(table.columns).count(text) > 1:
        raise DataError(f"DataFrame: several columns {text!r}. Found {list(table.columns).count(text)}. Name each once.")
    check_free(list(map(str, table.columns)), prefix, "DataFrame")
    scorer = Scorer(model or load_model(), careful, any_language)
    parts = [_score_cells(scorer, table[text].iloc[i : i + BATCH].tolist()) for i in range(0, len(table), BATCH)]
    ours = pd.DataFrame({prefix + name: [cell for part in parts for cell in part[name]] for name in COLUMNS}, index=table.index)
    return pd.concat([table, ours], axis=1)


def _score_cells(scorer: Scorer, given: list[Any]) -> Columns:
    cleaned = [clean(cell) for cell in given]
    texts, made = [one.text for one in cleaned], {i for i, one in enumerate(cleaned) if one.made}
    return cells(scorer.score(texts, {}, {}), texts, VALUES, made)


def check_free(columns: list[str], prefix: str, name: str) -> None:
    """Raise DataError if a column of ours would meet one of the input's."""
    taken = [column for column in columns if column in {prefix + own for own in COLUMNS}]
    if taken:
        raise DataError(
            f"{name}: already has columns of ours. Found {', '.join(map(repr, taken[:5]))}. "
            "Score what is not scored yet, or choose other names with prefix= (--prefix)."
        )
