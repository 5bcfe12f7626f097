"""One target's regression: anew, on all interactions or without one fold of them; or drawn towards what is known."""

from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.utils import check_random_state

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def split_folds(group: Ints, n: int, random_state: Any = None) -> Ints:
    """Return the fold of each interaction; whole groups stay together."""
    n = min(n, len(np.unique(group)))
    if n < 2:
        return np.zeros(len(group), np.int64)
    fold = np.zeros(len(group), np.int64)
    drawn = random_state is not None
    splitter = GroupKFold(n, shuffle=drawn, random_state=check_random_state(random_state) if drawn else None)
    for k, (_, test) in enumerate(splitter.split(group, groups=group)):
        fold[test] = k
    return fold


def fit_target(
    matrix: sparse.csr_matrix, label: Ints, weight: Floats, fold: Ints,
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


class Step(NamedTuple):
    """How far a target's scores move: factor of the old scores, weights of the terms, and constants."""

    factor: float
    coef: Floats
    intercept: Floats

    def move(self, matrix: sparse.csr_matrix, base: Floats) -> Floats:
        """Return the scores moved."""
        return self.factor * base + matrix @ self.coef + self.intercept


def fit_towards(matrix: sparse.csr_matrix, base: Floats, wanted: Floats, weight: Floats, C: float) -> Step:
    """Fit one target, drawn towards scores that are given.

    Parameters
    ----------
    matrix : sparse matrix, shape (n_interactions, n_terms)
        Weighed terms.
    base : array, shape (n_interactions, n_labels)
        The scores given, before the softmax.
    wanted : array, shape (n_interactions, n_labels)
        The probability that each label is right: 1 for the one given, or shared among several.
    weight : array, shape (n_interactions,)
        What each interaction counts.
    C : float
        Inverse strength of the pull; at 0 nothing moves.

    Returns
    -------
    Step
        The most likely one under a normal prior around the given scores: the L2 penalty of
        logistic regression, on the difference (Chelba and Acero 2004, *Adaptation of Maximum
        Entropy Capitalizer*).
    """
    shape = (matrix.shape[1] + 1, base.shape[1])  # a row of constants after the terms
    transposed = sparse.csr_matrix(matrix.T)

    def loss(flat: Floats) -> tuple[float, Floats]:
        moved, factor = flat[1:].reshape(shape), flat[0]
        log_proba = log_softmax(factor * base + matrix @ moved[:-1] + moved[-1], axis=1)
        error = (np.exp(log_proba) - wanted) * weight[:, None]
        pull = ((factor - 1) ** 2 + (moved**2).sum()) / (2 * C)
        slope = np.vstack([transposed @ error, error.sum(axis=0)]) + moved / C
        first = (error * base).sum() + (factor - 1) / C
        return float(-(weight[:, None] * wanted * log_proba).sum() + pull), np.concatenate([[first], slope.ravel()])

    start = np.zeros(1 + shape[0] * shape[1])
    start[0] = 1.0
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    moved = found[1:].reshape(shape)
    return Step(float(found[0]), moved[:-1], moved[-1])
