"""Exports without labels to labels with probabilities: rules vote, with the model as one more voter."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.calibration import decide
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.features import find_terms
from servicenlp.interactions import Turn, turns_of
from servicenlp.label_model import weigh_votes
from servicenlp.rulebook import Rulebook
from servicenlp.scoring import Scorer, why_skipped
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, NONE, TARGETS, values
from servicenlp.voting import Place, Votes, cast_votes

PREFIX = "label_"
LABELLED, MODEL_ALONE, UNLABELLED = "labelled", "labelled: by the model alone", "unlabelled: no rule votes"
COLUMNS = [
    "level", "level_name", *[f"p_level_{level.value}" for level in LEVELS], "uncertainty",
    *[name for category in CATEGORY_NAMES for name in (category, f"{category}_p")],
    "rules", "evidence", "evidence_start", "evidence_end", "evidence_turn", "weight", "interaction", "status", "model",
]  # fmt: skip
KINDS: dict[str, type] = {
    **dict.fromkeys(["level", "evidence_start", "evidence_end", "evidence_turn"], int),
    **dict.fromkeys([name for name in COLUMNS if name.startswith("p_") or name.endswith("_p")], float),
    "uncertainty": float,
    "weight": float,
}
_VOTED = ("level", *CATEGORY_NAMES)

Floats = NDArray[np.float64]
Columns = dict[str, list[Any]]


class Ballots(NamedTuple):
    """All that was said of some interactions, before it is weighed.

    Attributes
    ----------
    votes : Votes
        What the rules found.
    proba : dict of str to array
        By target, the model's probabilities; empty without a model.
    skipped : list of (str or None)
        Why an interaction cannot be labelled.
    """

    votes: Votes
    proba: dict[str, Floats]
    skipped: list[str | None]


def collect_votes(
    book: Rulebook,
    model: ServiceClassifier | None,
    texts: Sequence[Any],
    problems: dict[int, str] | None = None,
    turns: dict[int, list[Turn]] | None = None,
) -> Ballots:
    """Let rules and model speak on interactions.

    Parameters
    ----------
    book : Rulebook
        The rules.
    model : ServiceClassifier or None
        Fitted; None lets the rules vote alone.
    texts : sequence
        The interactions; what is not a text with words in it is skipped, and says why.
    problems, turns
        As for `score_texts`.
    """
    own = turns_of(texts, turns or {})
    skipped = [why_skipped(text, spoken, (problems or {}).get(i)) for i, (text, spoken) in enumerate(zip(texts, own, strict=True))]
    words = ["" if why else text for text, why in zip(texts, skipped, strict=True)]
    parts = [[] if why else spoken for spoken, why in zip(own, skipped, strict=True)]
    votes = cast_votes(book, words, parts)
    proba: dict[str, Floats] = {}
    if model is not None:
        scores = model.score_terms(find_terms(words, parts), len(words))[0]
        proba = {target: p for target, p in model.probabilities(scores).items() if target in _VOTED}
    return Ballots(votes, proba, skipped)


def join_ballots(parts: Sequence[Ballots]) -> Ballots:
    """Put the ballots of several batches one after the other."""
    sizes = np.cumsum([0, *(len(part.skipped) for part in parts)])
    places = {(int(at) + i, k): place for at, part in zip(sizes, parts, strict=False) for (i, k), place in part.votes.places.items()}
    votes = Votes(np.concatenate([part.votes.found for part in parts]), places)
    proba = {target: np.concatenate([part.proba[target] for part in parts]) for target in (parts[0].proba if parts else ())}
    return Ballots(votes, proba, [why for part in parts for why in part.skipped])


def supports(book: Rulebook, target: str) -> tuple[list[int], NDArray[np.bool_]]:
    """Return the rules that vote on a target, and which of its labels each votes for."""
    voters = [k for k, rule in enumerate(book.rules) if target in rule.votes]
    return voters, np.array([[label in book.rules[k].votes[target] for label in values(target)] for k in voters], bool).reshape(
        len(voters), len(TARGETS[target])
    )


def decide_labels(book: Rulebook, ballots: Ballots, model: ServiceClassifier | None = None) -> Columns:
    """Weigh the votes of interactions against each other, all of an export at once.

    Parameters
    ----------
    book : Rulebook
        The rules that voted.
    ballots : Ballots
        See `collect_votes`; the more interactions, the better the rules are known.
    model : ServiceClassifier, optional
        The one that spoke too.

    Returns
    -------
    dict of str to list
        `COLUMNS`, but for evidence and interaction, which need the texts. A level's weight is its
        probability: what it should count in training.
    """
    n = len(ballots.skipped)
    kept = np.array([why is None for why in ballots.skipped], bool)
    columns: Columns = {name: [None] * n for name in COLUMNS}
    sure = np.zeros(n)
    for target in _VOTED:
        voters, supported = supports(book, target)
        found = ballots.votes.found[:, voters]
        given = ballots.proba.get(target)
        spoken = kept & (found.any(axis=1) if given is None else True)
        at = np.flatnonzero(spoken)
        proba = weigh_votes(found[at], supported, None if given is None else given[at]).proba
        offsets = np.zeros(proba.shape[1]) if target == "level" or given is None or model is None else model.offsets_[target]
        chosen = decide(proba, offsets) if len(at) else np.array([], int)
        labels, own = values(target), proba[np.arange(len(at)), chosen]
        _fill(columns, at, target, [labels[k] for k in chosen])
        if target == "level":
            _fill(columns, at, "level_name", [LEVELS[k].name for k in chosen])
            for k, level in enumerate(LEVELS):
                _fill(columns, at, f"p_level_{level.value}", np.round(proba[:, k], 4).tolist())
            _fill(columns, at, "uncertainty", np.round(1 - proba.max(axis=1), 4).tolist())
            sure[at] = own
        else:
            _fill(columns, at, f"{target}_p", np.round(own, 4).tolist())
            sure[at] = np.where(sure[at] > 0, sure[at], own)
    voted: NDArray[np.bool_] = np.asarray(ballots.votes.found.any(axis=1))
    for i in np.flatnonzero(kept & (voted | bool(ballots.proba))):
        columns["weight"][i] = round(float(sure[i]), 4)
        columns["rules"][i] = "|".join(book.rules[k].id for k in np.flatnonzero(ballots.votes.found[i]))
        for category in CATEGORY_NAMES:
            columns[category][i] = columns[category][i] or NONE.value
    columns["status"] = [
        why or (LABELLED if by_rule else MODEL_ALONE if ballots.proba else UNLABELLED)
        for why, by_rule in zip(ballots.skipped, voted, strict=True)
    ]
    name = f"rules-{book.version}" + (f"+{Scorer(model).name}" if model is not None else "")
    columns["model"] = [name if weight is not None else None for weight in columns["weight"]]
    return columns


def _fill(columns: Columns, at: NDArray[np.int64], name: str, cells: Sequence[Any]) -> None:
    for i, cell in zip(at, cells, strict=True):
        columns[name][i] = cell


def quote(book: Rulebook, columns: Columns, ballots: Ballots, texts: Sequence[Any], first: int = 0) -> None:
    """Set the evidence of interactions `first` and on: what a rule found that votes for the label decided."""
    for i, text in enumerate(texts, first):
        level = columns["level"][i]
        order = sorted(
            np.flatnonzero(ballots.votes.found[i]),
            key=lambda k: (level not in book.rules[k].votes.get("level", ()), len(book.rules[k].votes)),
        )
        place: Place | None = ballots.votes.places[i, int(order[0])] if order else None
        if place and level in book.rules[order[0]].votes.get("level", (level,)):
            columns["evidence"][i] = text[place.start : place.end]
            columns["evidence_start"][i], columns["evidence_end"][i], columns["evidence_turn"][i] = place


def label_frame(
    table: pd.DataFrame, text: str = "text", *, book: Rulebook, model: ServiceClassifier | None = None, prefix: str = PREFIX
) -> pd.DataFrame:
    """Label a DataFrame by rules, and a model if one is given.

    Parameters
    ----------
    table : DataFrame
        Any columns.
    text : str
        The column of the customer's words.
    book : Rulebook
        The rules; see `read_rules`.
    model : ServiceClassifier, optional
        One more voter, which never abstains. The rules alone by default.
    prefix : str
        What our column names begin with.

    Returns
    -------
    DataFrame
        The same rows, columns and index, with `COLUMNS` after them. Where no rule votes and no
        model does, the status says so, and there is no label.

    Raises
    ------
    DataError
        If the column is not there, or one of ours is there already.

    Examples
    --------
    >>> from servicenlp.rulebook import read_rules
    >>> told = pd.DataFrame({"text": ["They charged me twice!", "Friendly staff.", "Blue is a colour."]})
    >>> label_frame(told, book=read_rules())[["label_level_name", "label_mindset", "label_status"]].values.tolist()[:2]
    [['criminal', 'none', 'labelled'], ['desired', 'delighted', 'labelled']]
    >>> label_frame(told, book=read_rules()).label_status[2]
    'unlabelled: no rule votes'
    """
    if text not in table:
        raise DataError(f"DataFrame: no column {text!r}. Found {', '.join(map(repr, table.columns[:8]))}. Name it with text=.")
    check_free(list(map(str, table.columns)), prefix, "DataFrame")
    texts = table[text].tolist()
    ballots = collect_votes(book, model, texts)
    columns = decide_labels(book, ballots, model)
    quote(book, columns, ballots, texts)
    return pd.concat([table, pd.DataFrame({prefix + name: columns[name] for name in COLUMNS}, index=table.index)], axis=1)


def check_free(columns: list[str], prefix: str, name: str) -> None:
    """Raise DataError if a column of ours would meet one of the input's."""
    taken = [column for column in columns if column in {prefix + own for own in COLUMNS}]
    if taken:
        raise DataError(
            f"{name}: already has columns of ours. Found {', '.join(map(repr, taken[:5]))}. "
            "Label the file without them, or choose other names with --prefix."
        )
