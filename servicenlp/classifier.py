"""The model: one linear layer from terms to every target, so that a score is an exact sum."""

from collections.abc import Iterable, Mapping
from typing import Any, Self
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted

from servicenlp import calibration
from servicenlp.errors import DataError
from servicenlp.features import Terms, Vocabulary, count_terms, find_terms
from servicenlp.interactions import split_turns
from servicenlp.taxonomy import TARGETS, values

Floats = NDArray[np.float64]

LONG = 1000  # terms, about 600 words; see `_divisor`


class ServiceClassifier(ClassifierMixin, BaseEstimator):
    """Predict service level, categories, focus, ring, cause and interest of interactions.

    Multinomial logistic regressions over one shared weighting of terms (words and pairs of words,
    with name spaces for negation, agent and last turn). The score of a label is
    ``intercept + sum(weight of each term) / sqrt(number of known terms + 1)``, for very long texts
    divided by more.

    Parameters
    ----------
    C : float
        Inverse strength of the L2 penalty.
    min_df : int
        A term must occur in at least so many interactions.
    folds : int
        Folds, split by group, on whose unseen part temperatures and decisions are fitted.
    max_iter : int
        Limit of the solver's steps.
    criminal_cost : float
        How much worse it is to miss a criminal interaction than to flag one wrongly. The level
        decided is the one of the largest probability, level 1's multiplied by this.
    n_jobs : int or None
        Processes to train with; -1 is all cores.

    Attributes
    ----------
    classes_ : array, shape (6,)
        The levels.
    vocabulary_ : Vocabulary
        The terms known.
    terms_ : list of str
        Their names.
    coef_ : array of float32, shape (n_terms, n_outputs)
        What one occurrence of a term adds to each output, before the division.
    intercept_ : array of float32, shape (n_outputs,)
    outputs_ : dict of str to slice
        Which outputs belong to which target.
    temperatures_ : dict of str to float
    offsets_ : dict of str to array
        See `calibration`.
    unseen_scores_ : dict of str to array
        Scores of the training interactions by models that had not seen their fold.
    evidence_coef_, evidence_form_ : array of float32
        See `evidence`.
    """

    def __init__(
        self,
        C: float = 8.0,
        min_df: int = 2,
        folds: int = 3,
        max_iter: int = 150,
        criminal_cost: float = 2.0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.min_df = min_df
        self.folds = folds
        self.max_iter = max_iter
        self.criminal_cost = criminal_cost
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Iterable[str],
        y: pd.DataFrame | Mapping[str, ArrayLike] | ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn from labelled interactions.

        Parameters
        ----------
        X : iterable of str
            The texts.
        y : DataFrame or mapping of target to labels, or array of levels
            A target that is absent is not trained; a missing label leaves that interaction out of
            that target.
        sample_weight : array-like, optional
            What each interaction counts; 1 by default.
        groups : array-like, optional
            Interactions of one group (one writer, one source) stay on one side of each fold.

        Raises
        ------
        DataError
            If texts and labels differ in number, a label is unknown, or a target has one label only.
        """
        texts = list(X)
        labels = _label_indices(y, len(texts))
        weight = np.ones(len(texts)) if sample_weight is None else np.asarray(sample_weight, float)
        group = np.arange(len(texts)) if groups is None else pd.factorize(np.asarray(groups))[0]
        terms = find_terms(texts, [split_turns(text) for text in texts])
        matrix = self._learn_terms(terms, texts)
        fold = _folds(group, self.folds)
        fits = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_target)(matrix, labels[target], weight, fold, k, self.C, self.max_iter, len(TARGETS[target]))
            for target in labels
            for k in [*np.unique(fold), None]
        )
        self._gather(iter(fits), labels, weight, fold)
        return self

    def _learn_terms(self, terms: Terms, texts: list[str]) -> sparse.csr_matrix:
        """Choose the vocabulary and weigh it; return the training matrix."""
        keys, first, column = np.unique(terms.key, return_index=True, return_inverse=True)
        counts = count_terms(terms.text, column, (len(texts), len(keys)))
        counts.sum_duplicates()
        df = np.bincount(counts.indices, minlength=len(keys))
        kept = np.flatnonzero(df >= self.min_df)
        if not len(kept):
            raise DataError(
                f"Training: no term occurs in {self.min_df} interactions. Found {len(texts)} texts. Add interactions, or lower min_df."
            )
        self.vocabulary_ = Vocabulary(keys[kept])
        self.terms_ = [terms.name(i, texts) for i in first[kept]]
        idf = np.log((1 + len(texts)) / (1 + df[kept])) + 1
        counts = counts[:, kept].tocsr()
        divisor = _divisor(np.asarray(counts.sum(axis=1)).ravel())
        matrix = (sparse.diags(1 / divisor) @ counts).tocsr()
        size = matrix.multiply(idf)
        # Scaled to a mean square of 1, so that C means the same for any corpus.
        self.weights_ = (idf / np.sqrt(size.multiply(size).sum(axis=1).mean())).astype(np.float32)
        return (matrix @ sparse.diags(self.weights_)).tocsr().astype(np.float32)

    def _gather(self, fits: Any, labels: dict[str, NDArray[np.int64]], weight: Floats, fold: NDArray[np.int64]) -> None:
        """Put the targets side by side, and calibrate each on what its folds had not seen."""
        self.classes_ = np.array(values("level"))
        self.outputs_: dict[str, slice] = {}
        self.temperatures_: dict[str, float] = {}
        self.offsets_: dict[str, Floats] = {}
        self.unseen_scores_: dict[str, Floats] = {}
        coefs, intercepts, at = [], [], 0
        for target, label in labels.items():
            n_labels = len(TARGETS[target])
            unseen = np.zeros((len(label), n_labels))
            for k in np.unique(fold):
                unseen[fold == k] = next(fits)
            coef, intercept = next(fits)
            known = label >= 0
            self.temperatures_[target] = calibration.fit_temperature(unseen[known], label[known], weight[known])
            proba = calibration.probabilities(unseen[known], self.temperatures_[target])
            self.offsets_[target] = (
                self._level_offsets() if target == "level" else calibration.choose_offsets(proba, label[known], weight[known])
            )
            self.outputs_[target] = slice(at, at + n_labels)
            at += n_labels
            coefs.append(coef * self.weights_[:, None])
            intercepts.append(intercept)
            self.unseen_scores_[target] = unseen
        self.coef_ = np.hstack(coefs).astype(np.float32)
        self.__dict__.pop("_contrast", None)
        self.evidence_coef_ = np.zeros(len(self.coef_), np.float32)
        self.evidence_form_ = np.array([1, 0, 0, 0, 0], np.float32)  # by worth alone, until it is learnt
        self.intercept_ = np.concatenate(intercepts).astype(np.float32)

    def score_terms(self, terms: Terms, n_texts: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Return all outputs of each text, the column of each occurrence, and each text's divisor."""
        columns = self.vocabulary_.find(terms.key)
        counts = count_terms(terms.text, columns, (n_texts, len(self.vocabulary_)))
        divisor = _divisor(np.diff(counts.indptr))
        return (counts @ self.coef_) / divisor[:, None] + self.intercept_, columns, divisor

    def _level_offsets(self) -> Floats:
        offsets = np.zeros(len(TARGETS["level"]))
        offsets[0] = np.log(self.criminal_cost)
        return offsets

    def level_contrast(self) -> NDArray[np.float32]:
        """Return what each term adds to the score of each level less the mean of all levels."""
        if not hasattr(self, "_contrast"):
            weights = self.coef_[:, self.outputs_["level"]]
            self._contrast = weights - weights.mean(axis=1, keepdims=True)
        return self._contrast

    def decision_function(self, X: Iterable[str]) -> NDArray[np.float32]:
        """Return the scores of every output, shape (n_texts, n_outputs); see `outputs_`."""
        check_is_fitted(self)
        texts = list(X)
        return self.score_terms(find_terms(texts, [split_turns(text) for text in texts]), len(texts))[0]

    def probabilities(self, scores: NDArray[np.float32]) -> dict[str, Floats]:
        """Return calibrated probabilities of each target from all outputs."""
        return {
            target: calibration.probabilities(scores[:, outputs].astype(float), self.temperatures_[target])
            for target, outputs in self.outputs_.items()
        }

    def predict_proba(self, X: Iterable[str], target: str = "level") -> Floats:
        """Return calibrated probabilities of one target's labels, in the order of the taxonomy."""
        return self.probabilities(self.decision_function(X))[target]

    def predict(self, X: Iterable[str]) -> NDArray[np.int64]:
        """Return the level of each text: the most probable one, with regard to `criminal_cost`."""
        proba = self.predict_proba(X)
        return self.classes_[calibration.decide(proba, self.offsets_["level"])]

    def predict_frame(self, X: Iterable[str]) -> pd.DataFrame:
        """Return the label of every target, a column each."""
        proba = self.probabilities(self.decision_function(X))
        return pd.DataFrame({t: np.array(values(t))[calibration.decide(p, self.offsets_[t])] for t, p in proba.items()})


def _label_indices(y: Any, n_texts: int) -> dict[str, NDArray[np.int64]]:
    """Return the index of each label in its target, -1 where there is none."""
    table = pd.DataFrame(y) if isinstance(y, pd.DataFrame | Mapping) else pd.DataFrame({"level": np.asarray(y)})
    if len(table) != n_texts:
        raise DataError(f"Training: texts and labels differ in number. Found {n_texts} and {len(table)}. Give one label a text.")
    out = {}
    for target in TARGETS:
        if target not in table:
            continue
        index = pd.Index(values(target)).get_indexer(pd.Index(table[target]))
        strange = table[target][(index < 0) & table[target].notna().to_numpy()].unique().tolist()
        if len(strange):
            raise DataError(
                f"Training: {target} has unknown labels. Found {', '.join(map(repr, strange[:5]))}. "
                f"Use {', '.join(map(str, values(target)))}."
            )
        if len(np.unique(index[index >= 0])) < 2:
            raise DataError(f"Training: {target} needs two different labels at least. Found fewer. Drop the column or add labels.")
        out[target] = index.astype(np.int64)
    if not out:
        raise DataError(f"Training: no target. Found {', '.join(map(repr, table.columns))}. Give labels named {', '.join(TARGETS)}.")
    return out


def _divisor(size: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what the sum of a text's weights is divided by, given its number of known terms.

    The root, so that long texts do not shout; past `LONG` terms their number itself, so that
    nothing grows without end.
    """
    size = size + 1
    return np.maximum(np.sqrt(size), size / np.sqrt(LONG)).astype(np.float32)


def _folds(group: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the fold of each interaction; whole groups stay together."""
    n = min(n, len(np.unique(group)))
    if n < 2:
        return np.zeros(len(group), np.int64)
    fold = np.zeros(len(group), np.int64)
    for k, (_, test) in enumerate(GroupKFold(n).split(group, groups=group)):
        fold[test] = k
    return fold


def _fit_target(
    matrix: sparse.csr_matrix, label: NDArray[np.int64], weight: Floats, fold: NDArray[np.int64],
    k: int | None, C: float, max_iter: int, n_labels: int,
) -> Any:  # fmt: skip
    """Fit one target without fold `k`; return scores of that fold, or the weights if k is None."""
    train = (label >= 0) & ((fold != k) if k is not None and fold.any() else True)
    coef = np.zeros((matrix.shape[1], n_labels), np.float32)
    intercept = np.full(n_labels, -20.0, np.float32)  # a label never seen stays next to impossible
    seen = np.unique(label[train])
    if len(seen) > 1:
        with catch_warnings():
            # Stopping early is meant: further steps fit rare terms of the training texts.
            simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=C, max_iter=max_iter).fit(matrix[train], label[train], weight[train])
        if len(seen) == 2:  # one row of weights, for the second label; a softmax wants two
            coef[:, seen] = model.coef_.T * [-0.5, 0.5]
            intercept[seen] = model.intercept_ * [-0.5, 0.5]
        else:
            coef[:, seen], intercept[seen] = model.coef_.T, model.intercept_
    else:
        intercept[seen] = 0
    return (coef, intercept) if k is None else matrix[fold == k] @ coef + intercept
