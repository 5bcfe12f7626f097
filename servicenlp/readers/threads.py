"""Threads of messages that name the message they answer."""

from array import array
from hashlib import blake2b

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


class Threads:
    """Messages that belong together because one answers another, however far up.

    Only numbers are kept, a few bytes a message, so that millions fit into memory.

    Examples
    --------
    >>> threads = Threads()
    >>> for message, answered in [("1", ""), ("2", "1"), ("3", "2"), ("4", "")]:
    ...     threads.add(message, answered)
    >>> threads.find("3") == threads.find("1"), threads.find("4") == threads.find("1")
    (True, False)
    """

    def __init__(self) -> None:
        self._left, self._right = array("q"), array("q")
        self._alone: set[int] = set()
        self._nodes: np.ndarray | None = None

    def add(self, message: str, answered: str) -> None:
        """Take note of a message and the one it answers, "" if none."""
        number = _number(message)
        self._left.append(number)
        self._right.append(_number(answered) if answered else number)
        self._nodes = None

    def cut(self, message: str) -> None:
        """Let the answers to a message begin threads of their own."""
        self._alone.add(_number(message))

    def find(self, message: str) -> str:
        """Return the name of a message's thread."""
        if self._nodes is None:
            self._join()
            assert self._nodes is not None
        number = _number(message)
        at = int(np.searchsorted(self._nodes, number))
        known = at < len(self._nodes) and self._nodes[at] == number
        return f"thread {self._threads[at]}" if known else message

    def _join(self) -> None:
        left, right = np.frombuffer(self._left, np.int64), np.frombuffer(self._right, np.int64)
        if self._alone:
            right = np.where(np.isin(right, np.fromiter(self._alone, np.int64)), left, right)
        self._nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
        n, ends = len(self._nodes), (places[: len(left)], places[len(left) :])
        self._threads = connected_components(coo_matrix((np.ones(len(left), np.int8), ends), (n, n)), directed=False)[1]


def _number(name: str) -> int:
    """Return a number for a name: itself if it is one."""
    return (
        int(name)
        if name.isdecimal() and len(name) < 18
        else -int.from_bytes(blake2b(name.encode(errors="surrogatepass"), digest_size=7).digest())
    )
