"""What is handed to `fit` and `predict`, in any form that scikit-learn passes on: checked, and brought to one form."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.class_weight import compute_sample_weight

from servicenlp.errors import DataError
from servicenlp.taxonomy import TARGETS, values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TEXT = "text"  # the column of a table of several


class Labels(NamedTuple):
    """Labels by target.

    Attributes
    ----------
    codes : dict of str to array of int, shape (n_texts,)
        Index of each label in its target, -1 where there is none.
    classes : array
        The levels as they were given; see `read_labels`.
    """

    codes: dict[str, Ints]
    classes: NDArray[Any]


def read_texts(X: Any) -> list[str]:
    """Return the texts of a list, an array, a Series or a DataFrame.

    Parameters
    ----------
    X : iterable of str, array of shape (n_texts,) or (n_texts, 1), Series or DataFrame
        Of a DataFrame the column "text" is read, or its only one.

    Raises
    ------
    DataError
        If it is a single text, a table without that column, or something in it is not a text.

    Examples
    --------
    >>> import pandas as pd
    >>> read_texts(pd.DataFrame({"id": [7], "text": ["It came late."]}))
    ['It came late.']
    """
    if isinstance(X, str):
        raise DataError("Texts: one text where several are wanted. Found a str. Put it into a list.")
    if isinstance(X, pd.DataFrame):
        if _TEXT not in X and X.shape[1] != 1:
            raise DataError(
                f"Texts: no column {_TEXT!r} among several. Found {', '.join(map(repr, X.columns[:8]))}. Give the column of the words."
            )
        X = X[_TEXT] if _TEXT in X else X.iloc[:, 0]
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    texts = list(X)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"Texts, number {i}: not a text. Found {str(text)[:40]!r}. Leave it out, or put '' in its place.")
    return texts


def read_labels(y: Any, n_texts: int) -> Labels:
    """Return the labels of each target.

    Parameters
    ----------
    y : DataFrame or mapping of target to labels, or array of levels
        scikit-learn numbers an array's labels anew before it asks for probabilities
        (`cross_val_predict`). Levels that begin at 0 are therefore taken for the levels in their
        order, less one: 0 is criminal.
    n_texts : int
        How many there must be.

    Raises
    ------
    DataError
        If texts and labels differ in number, a label is unknown, or a target has one label only.

    Examples
    --------
    >>> read_labels([1, 2, 6], 3).codes["level"]
    array([0, 1, 5])
    >>> read_labels([0, 1, 0], 3).classes
    array([0, 1])
    """
    if isinstance(y, pd.DataFrame | Mapping):
        table, classes = pd.DataFrame(y), np.array(values("level"))
    else:
        level, classes = _number_levels(np.asarray(y))
        table = pd.DataFrame({"level": level})
    if len(table) != n_texts:
        raise DataError(f"Training: texts and labels differ in number. Found {n_texts} and {len(table)}. Give one label a text.")
    codes = {target: _codes(target, table[target]) for target in TARGETS if target in table}
    if not codes:
        raise DataError(f"Training: no target. Found {', '.join(map(repr, table.columns))}. Give labels named {', '.join(TARGETS)}.")
    return Labels(codes, classes)


def _number_levels(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return levels from 1 on, and the labels by which they are known outside."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(f"Training: labels without names. Found an array of {y.ndim} dimensions. Give a DataFrame with a column a target.")
    known = np.array(values("level"))
    if y.dtype.kind in "iuf" and len(y) and np.nanmin(y) == 0 and np.isin(y[~np.isnan(y)], known - 1).all():
        return y + 1, np.unique(y[~np.isnan(y)]).astype(int)
    return y, known


def _codes(target: str, labels: pd.Series) -> Ints:
    index = pd.Index(values(target)).get_indexer(pd.Index(labels))
    strange = labels[(index < 0) & labels.notna().to_numpy()].unique().tolist()
    if len(strange):
        raise DataError(
            f"Training: {target} has unknown labels. Found {', '.join(map(repr, strange[:5]))}. Use {', '.join(map(str, values(target)))}."
        )
    if len(np.unique(index[index >= 0])) < 2:
        raise DataError(f"Training: {target} needs two different labels at least. Found fewer. Drop the column or add labels.")
    return index.astype(np.int64)


def read_weights(sample_weight: ArrayLike | None, n_texts: int) -> Floats:
    """Return what each text counts; 1 by default.

    Raises
    ------
    DataError
        If there is not one weight a text, one is negative or no number, or all are 0.
    """
    if sample_weight is None:
        return np.ones(n_texts)
    weight = np.asarray(sample_weight, float)
    if weight.shape != (n_texts,):
        raise DataError(f"Training: not one weight a text. Found an array of shape {weight.shape}. Give {n_texts} weights.")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise DataError("Training: weights must be numbers from 0 on, not all 0. Found others. Correct them.")
    return weight


def weigh_labels(class_weight: Any, target: str, label: Ints) -> Floats:
    """Return what each interaction counts more or less for its label of one target.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        By level, and then for that target only; or, for every target, so that all labels count
        the same together.
    target : str
        The target.
    label : array of int, shape (n_interactions,)
        Index of each label, -1 where there is none.

    Raises
    ------
    DataError
        If it is something else, or names what is no level.
    """
    factor = np.ones(len(label))
    known = label >= 0
    if class_weight is None:
        return factor
    if isinstance(class_weight, str) and class_weight == "balanced":
        factor[known] = compute_sample_weight("balanced", label[known])
    elif isinstance(class_weight, Mapping):
        # As text, since JSON, which model cards are kept in, knows no other keys.
        levels = {str(value): i for i, value in enumerate(values("level"))}
        if strange := [key for key in class_weight if str(key) not in levels]:
            raise DataError(f"class_weight: no such level. Found {strange[0]!r}. Use {', '.join(levels)}.")
        if target == "level":
            for level, weight in class_weight.items():
                factor[label == levels[str(level)]] = weight
    else:
        raise DataError(f"class_weight: not weights. Found {class_weight!r}. Give 'balanced' or a dict by level.")
    return factor


def index_of(X: Iterable[Any]) -> pd.Index | None:
    """Return the index of a Series or DataFrame; None where there is none."""
    return X.index if isinstance(X, pd.Series | pd.DataFrame) else None
