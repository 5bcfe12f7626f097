"""Draws by lot that can be repeated: what is drawn depends on the items and the seed, not on the file's order.

Of any part of the items, those with the smallest numbers are a simple random sample, so that a
control slice that was drawn from the whole serves for each of its parts.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def draw_order(keys: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the indices of keys in a random order that depends on the keys and the seed only.

    Examples
    --------
    >>> keys = ["ant", "bee", "cat", "dog"]
    >>> [keys[i] for i in draw_order(keys, 1)] == [keys[::-1][i] for i in draw_order(keys[::-1], 1)]
    True
    """
    return np.argsort(draw_number(keys, seed), kind="stable")


def draw_number(keys: Iterable[str], seed: int) -> NDArray[np.uint64]:
    """Return the number of each key by which random parts are drawn, the smallest first."""
    drawn = b"".join(hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(drawn, np.uint64)
