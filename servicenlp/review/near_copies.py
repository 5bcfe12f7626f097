"""Near-copies among texts, by MinHash signatures of their words: found, and kept apart in a queue.

A. Broder, *On the resemblance and containment of documents*, 1997: the share of equal places in
two signatures estimates the Jaccard likeness of their words.
"""

import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

PLACES = 32
_BAND = 4  # places that must agree for two texts to be called near-copies
_APART = 10  # places between near-copies where there is enough else
_rng = np.random.default_rng(1997)
# Odd factors modulo 2**32 permute the hashes.
_FACTORS = _rng.integers(0, 2**31, PLACES, dtype=np.uint64).astype(np.uint32) * np.uint32(2) + np.uint32(1)
_SHIFTS = _rng.integers(0, 2**32, PLACES, dtype=np.uint64).astype(np.uint32)
_DIGITS = str.maketrans("", "", "0123456789")


def signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Return the MinHash signature of each text's words; digits and case do not count.

    Examples
    --------
    >>> one, copy, other = signatures(["Order 17 came late", "order 18 came LATE", "Lovely staff"])
    >>> (one == copy).all(), (one == other).any()
    (np.True_, np.False_)
    """
    known: dict[str, int] = {}
    hashes: list[int] = []
    starts = []
    for text in texts:
        starts.append(len(hashes))
        for word in set(text.casefold().translate(_DIGITS).split()) or {""}:
            if word not in known:
                known[word] = zlib.crc32(word.encode("utf-8", "surrogatepass"))
            hashes.append(known[word])
    words = np.array(hashes, np.uint32)
    signed = np.empty((len(texts), PLACES), np.uint32)
    for place in range(PLACES if len(texts) else 0):  # all texts at once; one by one is ten times as slow
        signed[:, place] = np.minimum.reduceat(words * _FACTORS[place] + _SHIFTS[place], starts)
    return signed


def near_copies(texts: Sequence[str]) -> list[int]:
    """Return for each text the number of its group; texts of one group are near-copies of the group's first.

    Examples
    --------
    >>> near_copies(["Order 17 came late", "Lovely staff", "order 18 came late"])
    [0, 1, 0]
    """
    first: dict[bytes, int] = {}
    groups = []
    for i, sign in enumerate(signatures(texts)):
        bands = [bytes([at]) + sign[at : at + _BAND].tobytes() for at in range(0, PLACES, _BAND)]
        votes = Counter(first[band] for band in bands if band in first)
        # Two bands of eight: likely from a likeness of 0.8 on, hardly ever below 0.5.
        group = next((g for g, n in votes.most_common(1) if n >= 2), i)
        for band in bands:
            first.setdefault(band, group)
        groups.append(group)
    return groups


def spread_out(order: list[int], texts: Sequence[str]) -> list[int]:
    """Return indices in an order in which near-copies stand apart, as far as there is anything else.

    Parameters
    ----------
    order : list of int
        Indices of texts, in the order wanted.
    texts : sequence of str
        All texts.
    """
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for at, group in enumerate(near_copies([texts[i] for i in order])):
        waiting[group].append(at)
    gap = {group: max(1, min(_APART, len(order) // len(members))) for group, members in waiting.items()}
    ready = [(members[0], group) for group, members in waiting.items()]  # by the place wanted; already a heap
    resting: list[tuple[int, int]] = []  # by the place from which on a group may come again
    spread: list[int] = []
    while len(spread) < len(order):
        while resting and (resting[0][0] <= len(spread) or not ready):
            _, group = heappop(resting)
            heappush(ready, (waiting[group][0], group))
        _, group = heappop(ready)
        spread.append(order[waiting[group].popleft()])
        if waiting[group]:
            heappush(resting, (len(spread) - 1 + gap[group], group))
    return spread
