"""A model and a few hundred labels to a model that knows both: drawn towards what it knew, with new words added."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import softmax
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.features import Terms, Vocabulary, count_terms, find_terms
from servicenlp.interactions import split_turns
from servicenlp.regression import Step, fit_towards, split_folds
from servicenlp.taxonomy import TARGETS
from servicenlp.validation import read_labels, read_texts, read_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # of the fit, from keeping next to all that was known
FOLDS = 5
ANCHORED = 0.1  # what the anchors weigh, of what the labels do
_EACH, _STRONG, _WORDS = 8, 300, 8  # anchors for each label, the words they are made of, and how many each has


def adapt(
    base: ServiceClassifier,
    X: Iterable[str] | pd.DataFrame,
    y: pd.DataFrame | dict[str, ArrayLike] | ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    strengths: Sequence[float] = STRENGTHS,
    n_jobs: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ServiceClassifier:
    """Adapt a model to labels of one's own without forgetting what it knew.

    Parameters
    ----------
    base : ServiceClassifier
        Fitted; it is not changed.
    X, y, sample_weight, groups
        As for `ServiceClassifier.fit`; some 50 labels do, a few hundred are better.
    strengths : sequence of float
        How far to move is chosen among these for each target, by the log loss on folds not seen.
    n_jobs : int, optional
        Processes; -1 is all cores.
    progress : callable, optional
        Called with the number of targets done and their number in all.

    Returns
    -------
    ServiceClassifier
        With `strengths_`, what was chosen. Targets without labels stay as they were, and so do the
        decisions between labels, unless `base` has a `criminal_recall`, which is then kept on the
        new words.

    Raises
    ------
    DataError
        As `ServiceClassifier.fit` does.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> texts = ["It frizzed", "Frizzed again", "It gleamed", "So it gleamed"] * 5
    >>> model = adapt(load_model(), texts, [2, 2, 4, 4] * 5)
    >>> model.predict(["It frizzed", "It gleamed"]).tolist()
    [2, 4]
    """
    check_is_fitted(base)
    texts = read_texts(X)
    labels = read_labels(y, len(texts)).codes
    weight = read_weights(sample_weight, len(texts))
    group = np.arange(len(texts)) if groups is None else pd.factorize(np.asarray(groups))[0]
    model, ground = _prepare(base, texts, labels)
    fold = split_folds(group, FOLDS, base.random_state)
    with threadpool_limits(1):  # as in `ServiceClassifier.fit`
        for done, (target, label) in enumerate(labels.items(), 1):
            _move(model, ground, target, label, weight, fold, strengths, n_jobs, anchored=target in base.outputs_)
            if progress:
                progress(done, len(labels))
    return model


class _Ground(NamedTuple):
    """What every target is fitted on: the texts, and after them the anchors; see `_anchors`.

    `matrix` holds the weighed terms of `movable` columns and, after them, the centred scores of all
    outputs: what all targets say is known of a text, so the new labels may lean on any of it, not
    on its words alone. `scale` and `unit` are the weights of both; `coef` and `intercept` give the
    centred scores.
    """

    matrix: sparse.csr_matrix
    scores: NDArray[np.float32]
    movable: Ints
    scale: Floats
    unit: float
    coef: Floats
    intercept: Floats


def _prepare(base: ServiceClassifier, texts: list[str], labels: dict[str, Ints]) -> tuple[ServiceClassifier, _Ground]:
    """Return the model to move, which predicts as `base` does yet, and what to fit it on."""
    terms = find_terms(texts, [split_turns(text) for text in texts])
    model = _widened(base, terms, texts, list(labels))
    scores, columns, divisor = model.score_terms(terms, len(texts))
    counts = count_terms(terms.text, columns, (len(texts), len(model.vocabulary_)))
    anchors = _anchors(base, model)
    size = np.sqrt(np.asarray(anchors.sum(axis=1)).ravel() + 1)
    scores = np.vstack([scores, (anchors @ model.coef_) / size[:, None] + model.intercept_])
    counts, movable, scale = _weighed(sparse.vstack([counts, anchors]).tocsr(), np.concatenate([divisor, size]), len(texts))
    centre = _centring(model)
    views = scores.astype(float) @ centre
    unit = float(1 / np.sqrt((views[: len(texts)] ** 2).sum(axis=1).mean()))
    matrix = sparse.hstack([counts, unit * views]).tocsr()
    return model, _Ground(matrix, scores, movable, scale, unit, model.coef_ @ centre, model.intercept_ @ centre)


def _move(
    model: ServiceClassifier, ground: _Ground, target: str, label: Ints, weight: Floats, fold: Ints,
    strengths: Sequence[float], n_jobs: int | None, *, anchored: bool,
) -> None:  # fmt: skip
    """Move one target of a model."""
    outputs, heat, n = model.outputs_[target], model.temperatures_[target], len(label)
    matrix, old = ground.matrix, ground.scores[:, outputs].astype(float) / heat
    counted, n_anchors = np.where(label >= 0, weight, 0), len(old) - n
    own = np.append(counted, np.full(n_anchors, anchored * ANCHORED * counted.sum() / n_anchors))
    wanted, part = _wanted(label, old), np.append(fold, np.full(n_anchors, -1))  # anchors are always read
    tasks = [(C, k) for C in strengths for k in np.unique(fold)]
    steps = Parallel(n_jobs=n_jobs)(
        delayed(fit_towards)(matrix[part != k], old[part != k], wanted[part != k], own[part != k], C) for C, k in tasks
    )
    strength, unseen = _best(list(zip(tasks, steps, strict=True)), matrix[:n], old[:n], label, weight, fold)
    step = fit_towards(matrix, old, wanted, own, strength)
    words, mixing = step.coef[: len(ground.movable)], ground.unit * step.coef[len(ground.movable) :]
    # Scores keep their size, for what was learnt of quotations leans on it.
    model.coef_[:, outputs] = step.factor * model.coef_[:, outputs] + heat * (ground.coef @ mixing)
    model.coef_[ground.movable, outputs] += heat * ground.scale[:, None] * words
    model.intercept_[outputs] = step.factor * model.intercept_[outputs] + heat * (step.intercept + ground.intercept @ mixing)
    model.strengths_[target] = strength
    _calibrate(model, target, heat * unseen, label, weight, fresh=not anchored)


def _widened(base: ServiceClassifier, terms: Terms, texts: list[str], targets: list[str]) -> ServiceClassifier:
    """Return a copy with the new words and targets, which add nothing yet."""
    model: ServiceClassifier = clone(base)
    keys, first, column = np.unique(terms.key, return_index=True, return_inverse=True)
    df = np.bincount(np.unique(np.column_stack([terms.text, column]), axis=0)[:, 1], minlength=len(keys))
    new = np.flatnonzero((base.vocabulary_.find(keys) < 0) & (df >= base.min_df))
    merged = np.concatenate([base.vocabulary_.keys, keys[new]])
    order = np.argsort(merged)
    names = [*base.terms_, *(terms.name(i, texts) for i in first[new])]
    model.vocabulary_, model.terms_ = Vocabulary(merged[order]), [names[i] for i in order]
    model.outputs_, n_outputs = dict(base.outputs_), base.coef_.shape[1]
    model.temperatures_, model.offsets_ = dict(base.temperatures_), dict(base.offsets_)
    for target in targets:
        if target not in model.outputs_:
            size = len(TARGETS[target])
            model.outputs_[target], n_outputs = slice(n_outputs, n_outputs + size), n_outputs + size
            model.temperatures_[target], model.offsets_[target] = 1.0, np.zeros(size)
    model.coef_ = np.zeros((len(merged), n_outputs), np.float32)
    model.coef_[: len(base.coef_), : base.coef_.shape[1]] = base.coef_
    model.coef_ = model.coef_[order]
    model.intercept_ = np.pad(base.intercept_, (0, n_outputs - len(base.intercept_))).astype(np.float32)
    model.evidence_coef_ = np.pad(base.evidence_coef_, (0, len(new)))[order]
    model.evidence_form_, model.classes_ = base.evidence_form_.copy(), base.classes_
    model.strengths_, model.unseen_scores_ = {}, {}
    return model


def _centring(model: ServiceClassifier) -> Floats:
    """Return the matrix that takes from each output the mean of its target's."""
    centre = np.eye(model.coef_.shape[1])
    for outputs in model.outputs_.values():
        centre[outputs, outputs] -= 1 / (outputs.stop - outputs.start)
    return centre


def _wanted(label: Ints, old: Floats) -> Floats:
    """Return the probability that each label is right: as given for the texts, as it was for the anchors after them."""
    wanted = softmax(old, axis=1)
    wanted[: len(label)] = np.eye(old.shape[1])[label]
    return wanted


def _anchors(base: ServiceClassifier, model: ServiceClassifier) -> sparse.csr_matrix:
    """Return texts made of words that spoke for each label, as counts.

    On these the model must say what it said before, so that it does not forget labels which the
    new ones lack (pseudo-rehearsal, Robins 1995, *Catastrophic Forgetting, Rehearsal and
    Pseudorehearsal*).
    """
    rng = np.random.default_rng(0)
    column = model.vocabulary_.find(base.vocabulary_.keys)
    rows = []
    for outputs in base.outputs_.values():
        weights = base.coef_[:, outputs] - base.coef_[:, outputs].mean(axis=1, keepdims=True)
        for k in range(weights.shape[1]):
            strong = column[np.argsort(-weights[:, k], kind="stable")[:_STRONG]]
            rows += [rng.choice(strong, min(_WORDS, len(strong)), replace=False) for _ in range(_EACH)]
    ends = np.cumsum([0] + [len(row) for row in rows])
    return sparse.csr_matrix((np.ones(ends[-1], np.float32), np.concatenate(rows), ends), shape=(len(rows), len(model.vocabulary_)))


def _weighed(counts: sparse.csr_matrix, divisor: NDArray[np.float32], n_texts: int) -> tuple[sparse.csr_matrix, Ints, Floats]:
    """Return the terms that occur, weighed as for a fit anew, their columns, and their weights."""
    counts.sum_duplicates()
    df = np.bincount(counts[:n_texts].indices, minlength=counts.shape[1])
    movable = np.unique(counts.indices)
    idf = np.log((1 + n_texts) / (1 + df[movable])) + 1
    matrix = (sparse.diags(1 / divisor) @ counts[:, movable] @ sparse.diags(idf)).tocsr()
    scale = 1 / np.sqrt(matrix.multiply(matrix).sum(axis=1)[:n_texts].mean())
    return matrix * scale, movable, idf * scale


def _best(
    steps: list[tuple[tuple[float, int], Step]], matrix: sparse.csr_matrix, old: Floats, label: Ints, weight: Floats, fold: Ints
) -> tuple[float, Floats]:
    """Return the strength of the smallest loss on folds not seen, and the scores there."""
    unseen: dict[float, Floats] = {}
    for (C, k), step in steps:
        unseen.setdefault(C, np.zeros_like(old))[fold == k] = step.move(matrix[fold == k], old[fold == k])
    known = label >= 0
    losses = {C: calibration.log_loss(scores[known], label[known], weight[known]) for C, scores in unseen.items()}
    best = min(losses, key=lambda C: losses[C])
    return best, unseen[best]


def _calibrate(model: ServiceClassifier, target: str, unseen: Floats, label: Ints, weight: Floats, *, fresh: bool) -> None:
    known = label >= 0
    scores, label, weight = unseen[known], label[known], weight[known]
    model.unseen_scores_[target] = unseen
    model.temperatures_[target] = calibration.fit_temperature(scores, label, weight)
    proba = calibration.probabilities(scores, model.temperatures_[target])
    if target == "level":
        offsets = model.level_offsets(proba, label, weight)
        model.offsets_[target] = offsets if fresh or model.criminal_recall is not None else model.offsets_[target]
    elif fresh:
        model.offsets_[target] = calibration.choose_offsets(proba, label, weight)
