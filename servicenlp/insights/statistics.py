"""Intervals, comparisons corrected for their number, and change points: what separates a difference from noise."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from servicenlp.errors import ServicenlpError
from servicenlp.taxonomy import LEVELS

SMALL = 30  # no claim on fewer interactions
ALPHA = 0.05
_Z = float(stats.norm.ppf(1 - ALPHA / 2))
_VALUES = np.array([int(label.value) for label in LEVELS], float)
Floats = npt.NDArray[np.float64]


def wilson(count: Any, n: Any) -> tuple[Floats, Floats]:
    """Return the 95% Wilson interval of shares ``count / n``; 0 and 1 where n is 0.

    Wilson (1927), Probable inference. It keeps within 0 and 1 and holds for few and for rare ones.

    Examples
    --------
    >>> low, high = wilson(5, 50)
    >>> round(float(low), 3), round(float(high), 3)
    (0.043, 0.214)
    """
    count, n = np.asarray(count, float), np.asarray(n, float)
    safe = np.maximum(n, 1)
    share = count / safe
    middle = (share + _Z**2 / (2 * safe)) / (1 + _Z**2 / safe)
    half = _Z / (1 + _Z**2 / safe) * np.sqrt(share * (1 - share) / safe + _Z**2 / (4 * safe**2))
    return np.where(n * count > 0, np.maximum(middle - half, 0), 0.0), np.where(n > 0, np.minimum(middle + half, 1), 1.0)


def two_shares(count: float, n: float, other: float, m: float) -> float:
    """Return the p-value of the difference of two shares: Fisher's exact test where few are expected, else chi-square."""
    table = np.array([[count, n - count], [other, m - other]])
    if n == 0 or m == 0 or not table.sum(axis=0).all():
        return 1.0
    if stats.contingency.expected_freq(table).min() < 5:
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def adjust(p: Sequence[float] | pd.Series) -> Floats:
    """Return p-values corrected for their number (Benjamini and Yekutieli, 2001, which holds however they depend on each other)."""
    values = np.asarray(p, float)
    return np.asarray(stats.false_discovery_control(values, method="by"), float) if len(values) else values


class Mean(NamedTuple):
    """A mean level with its 95% interval, and the variance of one level."""

    mean: float
    low: float
    high: float
    variance: float


def mean_level(counts: Sequence[float] | Floats) -> Mean:
    """Return the mean level of the counts of levels 1 to 6."""
    counts = np.asarray(counts, float)
    n = counts.sum()
    if n == 0:
        return Mean(np.nan, np.nan, np.nan, np.nan)
    mean = float(counts @ _VALUES / n)
    variance = float(counts @ (_VALUES - mean) ** 2 / max(n - 1, 1))
    half = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * np.sqrt(variance / n) if n > 1 else 5.0
    return Mean(mean, max(1.0, mean - half), min(6.0, mean + half), variance)


def level_counts(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the counts of levels 1 to 6 as columns, one row for each of `keys`."""
    wide = table.pivot_table(index=keys, columns="level", values="n", aggfunc="sum", fill_value=0, observed=True)
    return wide.reindex(columns=[label.value for label in LEVELS], fill_value=0).astype(float)


def each(counts: pd.DataFrame) -> Iterator[tuple[Any, Floats]]:
    """Yield the key of each row, and its counts of levels 1 to 6."""
    yield from zip(counts.index.tolist(), counts.to_numpy(float), strict=True)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, each by column name."""
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def bootstrap(counts: Floats, times: int, seed: int = 0) -> Floats:
    """Return resampled counts, one sample a row: the bootstrap of interactions that were counted (Poisson weights)."""
    return np.random.default_rng(seed).poisson(counts, (times, len(counts))).astype(float)


def change_points(means: Floats, weights: Floats, tests: int = 1) -> list[int]:
    """Return where a series of means changes for good: the index of the first value after each change.

    Parameters
    ----------
    means : array
        One for each period.
    weights : array
        The inverse of the variance of each mean.
    tests : int
        How many series are looked at together; more of them ask for more evidence in each.

    Notes
    -----
    Killick, Fearnhead and Eckley (2012), PELT, as in the package ruptures, with the weighted sum of
    squares as cost. Without a change, the best split of T periods gains about 2 log log T plus a
    chi-square tail; the penalty holds that for all series together in 95 of 100 cases.

    Raises
    ------
    ServicenlpError
        If the package ruptures is not installed.
    """
    if len(means) < 4:
        return []
    try:
        import ruptures
        from ruptures.base import BaseCost
    except ImportError as error:
        raise ServicenlpError(
            "Change points: the package ruptures is missing. Found none. Run: pip install 'servicenlp[report]'."
        ) from error

    class _Weighted(BaseCost):  # type: ignore[misc]
        """The weighted sum of squares around the weighted mean."""

        model, min_size = "weighted", 2

        def fit(self, signal: Any) -> "_Weighted":
            w, y = weights, signal[:, 0]
            self.signal = signal
            self.sums = [np.concatenate([[0.0], np.cumsum(part)]) for part in (w, w * y, w * y * y)]
            return self

        def error(self, start: int, end: int) -> float:
            w, wy, wyy = (part[end] - part[start] for part in self.sums)
            return float(wyy - wy**2 / w)

    splits = max(1, (len(means) - 3) * tests)
    penalty = float(stats.chi2.ppf(1 - ALPHA / splits, 1))
    found = ruptures.Pelt(custom_cost=_Weighted(), min_size=2, jump=1).fit(means.reshape(-1, 1)).predict(pen=penalty)
    return [int(at) for at in found[:-1]]
