"""One target's regression, on all interactions or without one fold of them."""

from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
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
