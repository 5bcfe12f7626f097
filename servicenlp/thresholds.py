"""What must not be missed, against what must be read: every threshold of a level's probability and what it brings."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.errors import DataError


def threshold_table(proba: NDArray[np.float64], level: NDArray[np.int64], wanted: int = 1) -> pd.DataFrame:
    """Return what is found and what it costs to read all interactions above a probability of one level.

    Parameters
    ----------
    proba : array, shape (n_interactions, 6)
        Probabilities of the levels.
    level : array of int, shape (n_interactions,)
        The true ones, 1 to 6.
    wanted : int
        The level that must not be missed; criminal by default.

    Returns
    -------
    DataFrame
        A row for each number of interactions read, the most probable first: threshold (the
        probability of the last one), read (their share of all), recall (the share of the wanted
        that is among them) and precision (the share of them that is wanted).

    Raises
    ------
    DataError
        If no interaction has that level.

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9]])
    >>> threshold_table(proba, np.array([1, 2, 1, 2])).loc[1].to_dict()
    {'threshold': 0.6, 'read': 0.5, 'recall': 0.5, 'precision': 0.5}
    """
    if not (level == wanted).any():
        raise DataError(f"Level {wanted}: nothing to find. Found no interaction of that level. Choose another, or add some.")
    order = np.argsort(-proba[:, wanted - 1], kind="stable")
    found, read = np.cumsum(level[order] == wanted), np.arange(1, len(level) + 1)
    return pd.DataFrame(
        {"threshold": proba[order, wanted - 1], "read": read / len(level), "recall": found / found[-1], "precision": found / read}
    )
