"""The model: one linear layer from terms to every target, so that a score is an exact sum."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from servicenlp import calibration
from servicenlp.errors import DataError, ModelError
from servicenlp.features import Terms, Vocabulary, count_terms, find_terms
from servicenlp.interactions import split_turns
from servicenlp.regression import fit_target, split_folds
from servicenlp.taxonomy import TARGETS, values
from servicenlp.validation import index_of, read_labels, read_texts, read_weights, weigh_labels

Floats = NDArray[np.float64]

LONG = 1000  # terms, about 600 words; see `divide_by`


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
    criminal_recall : float or None
        Share of the criminal interactions that the decision is to find. The cost that finds so many
        on the unseen folds is then used instead of `criminal_cost`, unless there are fewer than 5.
    class_weight : dict of level to float, "balanced" or None
        What labels count in the fit, beside `sample_weight`: by level, or, for every target, so
        that all its labels count the same together. Calibration heeds `sample_weight` only.
    random_state : int, RandomState or None
        Draws the groups of each fold; by default they follow from the groups' sizes alone. Nothing
        else is drawn.
    n_jobs : int or None
        Processes to train with; -1 is all cores.

    Attributes
    ----------
    classes_ : array, shape (6,)
        The levels, all of them, whatever the labels held; column k of `predict_proba` is level
        k + 1. Where scikit-learn numbered the labels anew from 0 on, those numbers.
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

    Notes
    -----
    scikit-learn cannot split labels of several targets by themselves: where `y` is a DataFrame, give
    `GridSearchCV`, `cross_val_predict` and their like ``cv=KFold(3)`` or ``GroupKFold(3)``, not a number.

    Examples
    --------
    >>> texts = ["They lied to me.", "Lovely, quick and kind.", "They lied again.", "Lovely, as ever."]
    >>> model = ServiceClassifier(criminal_cost=1).fit(texts, [1, 4, 1, 4])
    >>> model.predict(["They lied.", "Lovely people."]).tolist()
    [1, 4]
    """

    def __init__(
        self,
        C: float = 8.0,
        min_df: int = 2,
        folds: int = 3,
        max_iter: int = 150,
        criminal_cost: float = 2.0,
        criminal_recall: float | None = None,
        class_weight: dict[int, float] | str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.min_df = min_df
        self.folds = folds
        self.max_iter = max_iter
        self.criminal_cost = criminal_cost
        self.criminal_recall = criminal_recall
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that texts are wanted, not numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self,
        X: Iterable[str] | pd.DataFrame,
        y: pd.DataFrame | dict[str, ArrayLike] | ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Self:
        """Learn from labelled interactions.

        Parameters
        ----------
        X : iterable of str, Series or DataFrame
            The texts; of a DataFrame the column "text", or its only one.
        y : DataFrame or mapping of target to labels, or array of levels
            A target that is absent is not trained; a missing label leaves that interaction out of
            that target.
        sample_weight : array-like, optional
            What each interaction counts; 1 by default. One of weight 0 teaches nothing.
        groups : array-like, optional
            Interactions of one group (one writer, one source) stay on one side of each fold.
        progress : callable, optional
            Called with the number of regressions done and their number in all.

        Raises
        ------
        DataError
            If texts and labels differ in number, a label is unknown, or a target has one label only.
        """
        texts = read_texts(X)
        labels, self.classes_ = read_labels(y, len(texts))
        weight = read_weights(sample_weight, len(texts))
        group = np.arange(len(texts)) if groups is None else pd.factorize(np.asarray(groups))[0]
        terms = find_terms(texts, [split_turns(text) for text in texts])
        matrix = self._learn_terms(terms, texts, weight > 0)
        fold = split_folds(group, self.folds, self.random_state)
        own = {target: weight * weigh_labels(self.class_weight, target, label) for target, label in labels.items()}
        tasks = [(target, k) for target in labels for k in [*np.unique(fold), None]]
        fits = Parallel(n_jobs=self.n_jobs, return_as="generator")(
            delayed(fit_target)(matrix, labels[t], own[t], fold, k, self.C, self.max_iter, len(TARGETS[t])) for t, k in tasks
        )
        with threadpool_limits(1):  # for matrices this sparse, BLAS threads wait for each other more than they work
            self._gather(_counted(fits, len(tasks), progress), labels, weight, fold)
        return self

    def _learn_terms(self, terms: Terms, texts: list[str], counted: NDArray[np.bool_]) -> sparse.csr_matrix:
        """Choose the vocabulary and weigh it by the interactions that count; return the training matrix."""
        keys, first, column = np.unique(terms.key, return_index=True, return_inverse=True)
        counts = count_terms(terms.text, column, (len(texts), len(keys)))
        counts.sum_duplicates()
        df = np.bincount(counts[counted].indices, minlength=len(keys))
        kept = np.flatnonzero(df >= self.min_df)
        if not len(kept):
            raise DataError(
                f"Training: no term occurs in {self.min_df} interactions. Found {len(texts)} texts. Add interactions, or lower min_df."
            )
        self.vocabulary_ = Vocabulary(keys[kept])
        self.terms_ = [terms.name(i, texts) for i in first[kept]]
        idf = np.log((1 + counted.sum()) / (1 + df[kept])) + 1
        counts = counts[:, kept].tocsr()
        divisor = divide_by(np.asarray(counts.sum(axis=1)).ravel())
        matrix = (sparse.diags(1 / divisor) @ counts).tocsr()
        size = matrix.multiply(idf)
        # Scaled to a mean square of 1, so that C means the same for any corpus.
        self.weights_ = (idf / np.sqrt(size.multiply(size).sum(axis=1)[counted].mean())).astype(np.float32)
        return (matrix @ sparse.diags(self.weights_)).tocsr().astype(np.float32)

    def _gather(self, fits: Any, labels: dict[str, NDArray[np.int64]], weight: Floats, fold: NDArray[np.int64]) -> None:
        """Put the targets side by side, and calibrate each on what its folds had not seen."""
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
                self.level_offsets(proba, label[known], weight[known])
                if target == "level"
                else calibration.choose_offsets(proba, label[known], weight[known])
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
        divisor = divide_by(np.diff(counts.indptr))
        return (counts @ self.coef_) / divisor[:, None] + self.intercept_, columns, divisor

    def level_offsets(self, proba: Floats, label: NDArray[np.int64], weight: Floats) -> Floats:
        """Return what is added to the log-probability of each level before one is decided; see `criminal_cost`."""
        offsets = np.zeros(len(TARGETS["level"]))
        offsets[0] = np.log(self.criminal_cost)
        if self.criminal_recall is not None:
            chosen = calibration.choose_recall_offset(proba, label, weight, self.criminal_recall)
            offsets[0] = offsets[0] if chosen is None else chosen
        return offsets

    def level_contrast(self) -> NDArray[np.float32]:
        """Return what each term adds to the score of each level less the mean of all levels."""
        if not hasattr(self, "_contrast"):
            weights = self.coef_[:, self.outputs_["level"]]
            self._contrast = weights - weights.mean(axis=1, keepdims=True)
        return self._contrast

    def score_texts(self, X: Iterable[str] | pd.DataFrame) -> NDArray[np.float32]:
        """Return the scores of every output, shape (n_texts, n_outputs); see `outputs_`."""
        check_is_fitted(self)
        texts = read_texts(X)
        return self.score_terms(find_terms(texts, [split_turns(text) for text in texts]), len(texts))[0]

    def probabilities(self, scores: NDArray[np.float32]) -> dict[str, Floats]:
        """Return calibrated probabilities of each target from all outputs."""
        return {
            target: calibration.probabilities(scores[:, outputs].astype(float), self.temperatures_[target])
            for target, outputs in self.outputs_.items()
        }

    def decision_function(self, X: Iterable[str] | pd.DataFrame, target: str = "level") -> NDArray[np.float32]:
        """Return the scores of one target's labels before calibration; columns as in `predict_proba`."""
        scores = self.score_texts(X)
        return self._shown(scores[:, self.outputs_[self._known(target)]], target)

    def predict_proba(self, X: Iterable[str] | pd.DataFrame, target: str = "level") -> Floats:
        """Return calibrated probabilities of one target's labels, in the order of the taxonomy.

        Parameters
        ----------
        X : iterable of str, Series or DataFrame
            The texts; of a DataFrame the column "text", or its only one.
        target : str
            One of `outputs_`.

        Returns
        -------
        array, shape (n_texts, n_labels)
            Rows sum to 1.

        Raises
        ------
        DataError
            If the model was not trained for that target.
        """
        scores = self.score_texts(X)
        self._known(target)
        proba = self._shown(self.probabilities(scores)[target], target)
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X: Iterable[str] | pd.DataFrame) -> NDArray[np.int64]:
        """Return the level of each text: the most probable one, with regard to `criminal_cost`."""
        proba = self.predict_proba(X)
        return self.classes_[calibration.decide(proba, self._shown(self.offsets_["level"][None], "level")[0])]

    def predict_frame(self, X: Iterable[str] | pd.DataFrame) -> pd.DataFrame:
        """Return the labels of all targets, a column each, and after them the probability of each label.

        Columns are named as the targets, and ``p_level_1``, ``p_primary_failed`` and so on; rows
        have the index of `X`, if it has one.

        Examples
        --------
        >>> from servicenlp import load_model
        >>> frame = load_model().predict_frame(["Charged me twice and nobody answers!"])
        >>> frame[["level", "primary"]].values.tolist(), bool(frame.p_primary_failed[0] > 0.5)
        ([[1, 'failed']], True)
        """
        proba = self.probabilities(self.score_texts(X))
        columns: dict[str, Any] = {t: np.array(values(t))[calibration.decide(p, self.offsets_[t])] for t, p in proba.items()}
        for target, p in proba.items():
            columns |= {f"p_{target}_{label}": p[:, k] for k, label in enumerate(values(target))}
        return pd.DataFrame(columns, index=index_of(X))

    def score(self, X: Iterable[str] | pd.DataFrame, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the level; interactions without one are passed over."""
        level = pd.Series(np.asarray(y["level"] if isinstance(y, pd.DataFrame | dict) else y))
        known = level.notna().to_numpy()
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return float(accuracy_score(level[known].to_numpy(int), self.predict(X)[known], sample_weight=weight))

    def _known(self, target: str) -> str:
        if target not in self.outputs_:
            raise DataError(f"Model: not trained for {target!r}. Found {', '.join(self.outputs_)}. Choose one of them.")
        return target

    def _shown(self, columns: Any, target: str) -> Any:
        """Return the columns of `classes_`, where the labels were numbered anew."""
        return columns[:, self.classes_] if target == "level" and self.classes_[0] == 0 else columns


def _counted(fits: Iterable[Any], total: int, progress: Callable[[int, int], object] | None) -> Iterator[Any]:
    """Pass results on, and tell how many there were."""
    for done, fit in enumerate(fits, 1):
        if progress:
            progress(done, total)
        yield fit


def divide_by(size: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what the sum of a text's weights is divided by, given its number of known terms.

    The root, so that long texts do not shout; past `LONG` terms their number itself, so that
    nothing grows without end.
    """
    size = size + 1
    return np.maximum(np.sqrt(size), size / np.sqrt(LONG)).astype(np.float32)


def require_level(model: ServiceClassifier) -> None:
    """Raise ModelError unless a model predicts the level; NotFittedError if it has learnt nothing yet."""
    check_is_fitted(model)
    if "level" not in model.outputs_:
        raise ModelError("Model: does not predict the level. Found other targets only. Train it on data with a column level.")
