"""New interactions against older ones: do customers speak of other things, and does the model still know their words."""

import operator
import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from servicenlp.classifier import ServiceClassifier, require_level
from servicenlp.errors import DataError
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.review.near_copies import near_copies
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, values

Floats = NDArray[np.float64]

FIGURES = {
    "auc": "how well a classifier tells new from old (0.5: not at all)",
    "mix": "share of interactions that would have to change level for the mixes to agree",
    "unseen": "share of words that the model does not know",
    "confidence": "mean probability of the level decided",
}
_LIMIT = re.compile(r"\s*(?P<name>[a-z]+)\s*(?P<sign>[<>])\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<percent>%?)\s*")
_COMPARE = {"<": operator.lt, ">": operator.gt}
_MOST = 5000  # interactions of each side that the classifier reads
_FEWEST = 20  # different ones of each side, without which it says nothing
_WORD = r"(?u)\b[^\W\d_][\w']*"
_FOLDS = 5
_APART = 0.6  # below this AUC the words that decide are those of chance


class Drift(NamedTuple):
    """What differs between new and reference interactions.

    Attributes
    ----------
    figures : dict of str to tuple of float
        By `FIGURES`: of the new interactions, and of the reference where that can be (nan
        otherwise). The mix is one figure of both.
    mix : DataFrame
        Share of each level and of each failed category (rows): new, reference.
    words : DataFrame
        word, more_in ("new" or "reference"), share_new, share_reference: the words that tell
        new from old most, and in which share of the interactions they stand.
    n : tuple of int
        How many new and reference interactions there are.
    """

    figures: dict[str, tuple[float, float]]
    mix: pd.DataFrame
    words: pd.DataFrame
    n: tuple[int, int]


class Limit(NamedTuple):
    """A limit: passed where the figure is on that side of the number."""

    text: str
    name: str
    sign: str
    number: float


def measure_drift(new: pd.DataFrame, reference: pd.DataFrame | None, model: ServiceClassifier, *, seed: int = 0) -> Drift:
    """Compare new interactions with a reference.

    Parameters
    ----------
    new, reference : DataFrame
        Column text, as `read_interactions` gives it. Without a reference, levels are compared with
        those the model was trained on, if its card tells, and there is no AUC.
    model : ServiceClassifier
        Judges both, so that only the words differ.
    seed : int
        Of the interactions that the classifier reads, where there are more than 5,000.

    Returns
    -------
    Drift
        The AUC is that of a logistic regression over words on folds it had not seen, near-copies
        kept together (the classifier two-sample test of Lopez-Paz and Oquab 2017, *Revisiting
        Classifier Two-Sample Tests*).

    Examples
    --------
    >>> from servicenlp import load_model
    >>> old = pd.DataFrame({"text": ["The parcel was late", "A late parcel again"]})
    >>> new = pd.DataFrame({"text": ["The blorx was late", "A late blorx again"]})
    >>> measure_drift(new, old, load_model()).figures["unseen"]
    (0.25, 0.0)
    """
    sides = [new] if reference is None else [new, reference]
    judged = [_judge(side, model) for side in sides]
    mixes = [mix for mix, _, _ in judged]
    if reference is None:
        mixes.append(_trained_mix(model, mixes[0]))
    figures = {"unseen": _pair([unseen for _, unseen, _ in judged]), "confidence": _pair([sure for _, _, sure in judged])}
    levels = [f"level {level.value} {level.name}" for level in LEVELS]
    figures["mix"] = (float((mixes[0][levels] - mixes[1][levels]).abs().sum(skipna=False) / 2), np.nan)
    auc, words = (np.nan, _no_words()) if reference is None else _tell_apart(new, reference, seed)
    figures["auc"] = (auc, np.nan)
    return Drift(
        {name: figures[name] for name in FIGURES},
        pd.DataFrame({"new": mixes[0], "reference": mixes[1]}),
        words,
        (len(new), 0 if reference is None else len(reference)),
    )


def _pair(found: list[float]) -> tuple[float, float]:
    return (found[0], found[1] if len(found) > 1 else np.nan)


def _judge(table: pd.DataFrame, model: ServiceClassifier) -> tuple[pd.Series, float, float]:
    """Return the mix of levels and failures, the share of unknown words, and the mean confidence."""
    require_level(model)
    frame = model.predict_frame(table["text"])
    mix = {f"level {level.value} {level.name}": float((frame["level"] == level.value).mean()) for level in LEVELS}
    mix |= {f"{name} failed": float((frame[name] == "failed").mean()) for name in CATEGORY_NAMES if name in frame}
    texts = list(table["text"])
    terms = find_terms(texts, [split_turns(text) for text in texts])
    words = terms.key[: len(terms.start)]  # the words come first, before pairs and copies
    unseen = float((model.vocabulary_.find(words) < 0).mean()) if len(words) else np.nan
    sure = frame[[f"p_level_{level}" for level in values("level")]].max(axis=1).mean()
    return pd.Series(mix), unseen, float(sure)


def _trained_mix(model: ServiceClassifier, like: pd.Series) -> pd.Series:
    """Return the mix of levels that a model was trained on, by its card; nan where that does not tell."""
    told = [data for data in getattr(model, "card_", {}).get("about", {}).get("data", []) if data["levels"]]
    mix = pd.Series(np.nan, index=like.index)
    if told:
        counts = np.sum([np.array(data["levels"]) * data["weight"] for data in told], axis=0)
        mix.iloc[: len(LEVELS)] = counts / counts.sum()
    return mix


def _tell_apart(new: pd.DataFrame, reference: pd.DataFrame, seed: int) -> tuple[float, pd.DataFrame]:
    """Return how well new is told from old, and the words that do it."""
    sides = [side["text"].sample(min(_MOST, len(side)), random_state=seed) for side in (new, reference)]
    texts, is_new = [*sides[0], *sides[1]], np.repeat([1, 0], [len(sides[0]), len(sides[1])])
    groups = np.array(near_copies(texts))
    if min(len(np.unique(groups[is_new == side])) for side in (0, 1)) < _FEWEST:
        return np.nan, _no_words()
    classifier = make_pipeline(
        TfidfVectorizer(token_pattern=_WORD, binary=True, max_features=20_000),
        LogisticRegression(C=1.0, max_iter=300, class_weight="balanced"),
    )
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    proba = cross_val_predict(classifier, texts, is_new, groups=groups, cv=folds, method="predict_proba")[:, 1]
    vectoriser, regression = classifier.fit(texts, is_new).steps[0][1], classifier.steps[1][1]
    present = vectoriser.transform(texts) > 0
    shares = [np.asarray(present[is_new == side].mean(axis=0)).ravel() for side in (1, 0)]
    # What a word decides: its weight times how much more often it stands on its side.
    decides = regression.coef_[0] * (shares[0] - shares[1])
    order = np.argsort(-decides)[:20]
    words = pd.DataFrame(
        {
            "word": vectoriser.get_feature_names_out()[order],
            "more_in": np.where(shares[0][order] > shares[1][order], "new", "reference"),
            "share_new": shares[0][order],
            "share_reference": shares[1][order],
        }
    )
    return float(roc_auc_score(is_new, proba)), words[decides[order] > 0]


def _no_words() -> pd.DataFrame:
    return pd.DataFrame(columns=["word", "more_in", "share_new", "share_reference"])


def read_limit(text: str) -> Limit:
    """Read a limit such as ``auc>0.75``, ``mix>10%`` or ``confidence<0.6``.

    Raises
    ------
    DataError
        If it is none.

    Examples
    --------
    >>> read_limit("unseen > 5%").number
    0.05
    """
    match = _LIMIT.fullmatch(text)
    if not match or match["name"] not in FIGURES:
        raise DataError(f"--fail-if: not a limit. Found {text!r}. Give one of {', '.join(FIGURES)} and a number, as in 'auc>0.75'.")
    return Limit(text.strip(), match["name"], match["sign"], float(match["number"]) / (100 if match["percent"] else 1))


def passed_limits(drift: Drift, limits: list[Limit]) -> list[str]:
    """Return what is to be said of each limit that is passed.

    Raises
    ------
    DataError
        If a figure that a limit is about could not be taken.
    """
    told = []
    for limit in limits:
        figure = drift.figures[limit.name][0]
        if np.isnan(figure):
            raise DataError(
                f"--fail-if {limit.text}: no such figure. Found {drift.n[0]:,} new and {drift.n[1]:,} reference interactions. "
                f"Give {_FEWEST} different ones of each at least, with --since."
            )
        if _COMPARE[limit.sign](figure, limit.number):
            told.append(f"{limit.name} is {figure:.3f} ({limit.text})")
    return told


def render(drift: Drift) -> str:
    """Return the drift for a terminal of 80 columns."""
    lines = [f"{drift.n[0]:,} new, {drift.n[1]:,} reference interactions", "", f"{'':<12} {'new':>7} {'before':>7}"]
    for name, meaning in FIGURES.items():
        cells = [f"{value:7.3f}" if value == value else f"{'':>7}" for value in drift.figures[name]]
        lines += [f"{name:<12} {cells[0]} {cells[1]}"] + [f"  {meaning}"]
    lines += ["", f"{'Share of':<24} {'new':>7} {'before':>7} {'change':>8}"]
    for name, row in zip(drift.mix.index, drift.mix.to_dict("records"), strict=True):
        known = row["reference"] == row["reference"]
        lines.append(f"{name:<24} {row['new']:7.1%}" + (f" {row['reference']:7.1%} {row['new'] - row['reference']:+8.1%}" if known else ""))
    if drift.figures["auc"][0] < _APART:
        lines += ["", "No words tell new from old."]
    elif len(drift.words):
        lines += ["", f"{'Word that tells':<24} {'new':>7} {'before':>7}"]
        lines += [f"{w['word'][:24]:<24} {w['share_new']:7.1%} {w['share_reference']:7.1%}" for w in drift.words.to_dict("records")]
    return "\n".join(lines)
