"""Texts to a sparse matrix of terms, a whole batch at a time.

A term is a word, two neighbouring words, or either of them in a name space: after a negation
(``not:good``), said by the agent (``agent:refund``), or in the customer's last turn
(``last:thanks``). Terms are handled as 64-bit hashes in numpy arrays, never as Python strings, so
that a batch costs a fixed number of array operations, and each keeps its character offsets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from servicenlp.interactions import AGENT, CUSTOMER, Turn

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

NEGATIONS = (
    "not no never none nothing nobody neither nor without hardly barely scarcely cannot cant can't dont don't "
    "didnt didn't doesnt doesn't isnt isn't wasnt wasn't werent weren't arent aren't wont won't wouldnt wouldn't "
    "couldnt couldn't havent haven't hasnt hasn't hadnt hadn't shouldnt shouldn't aint ain't"
).split()
NEGATED_WORDS = 4  # how far a negation reaches
STOPS = "but however although though and ! ?".split()  # a negation does not reach past these

_SPACES = {"": 0, "not:": 1, "agent:": 2, "agent:not:": 3, "last:": 4, "last:not:": 5}
_SALTS = np.array([0x9E3779B97F4A7C15 * i % 2**64 for i in range(len(_SPACES))], np.uint64)
_MIX, _PAIR = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_AGENT_SPACE, LAST_SPACE = 2, 4
_CUSTOMER, _AGENT, _LAST, _UNHEARD = range(4)  # voices; _LAST is the customer's last turn
_VOICES = {CUSTOMER: _CUSTOMER, AGENT: _AGENT}
_LETTER, _DIGIT, _SINGLE, _APOSTROPHE, _BREAK = 1, 2, 3, 4, 5
_NEGATION, _STOP, _MARK = 1, 2, 4  # roles of words; one may have several
_PLANE, _CODES = 0x10000, 0x110000  # the basic plane, above which nearly all are signs (emoji); all of Unicode
_PRIME = 1099511628211
_INVERSE = pow(_PRIME, -1, 2**64)


@dataclass
class Terms:
    """Every occurrence of a term in a batch of texts; first of all the words, in order.

    Attributes
    ----------
    text : array of int, shape (n_occurrences,)
        Index of the text in the batch.
    key : array of uint64
        Hash of the term, its name space included.
    word : array of int
        Index of the term's first word in `start` and `end`.
    length : array of int
        How many words the term has: 1 or 2.
    space : array of int
        Index of the term's name space.
    start, end, turn, clause : array of int, shape (n_words,)
        Character offsets of each word in its own text, the index of its turn in that text, and
        the number of its clause in the batch; punctuation and a change of turn end a clause.
    """

    text: Ints
    key: Hashes
    word: Ints
    length: Ints
    space: Ints
    start: Ints
    end: Ints
    turn: Ints
    clause: Ints

    @property
    def by_agent(self) -> NDArray[np.bool_]:
        """Whether each occurrence was said by the agent."""
        return self.space & _AGENT_SPACE > 0

    def name(self, i: int, texts: list[str]) -> str:
        """Return the term of occurrence `i` as a person reads it."""
        words = range(self.word[i], self.word[i] + self.length[i])
        text = texts[self.text[i]]
        spoken = [text[self.start[w] : self.end[w]].lower() for w in words]
        return list(_SPACES)[self.space[i]] + " ".join("0" if w[0].isdigit() else w for w in spoken)


@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return lower case and kind of each character."""
    lower = np.arange(_CODES, dtype=np.uint32)
    kind = np.zeros(_CODES, np.uint8)
    for code in range(_PLANE):
        char = chr(code)
        if char.isalnum():
            kind[code] = _DIGIT if char.isdigit() else _LETTER
            if len(char.lower()) == 1:
                lower[code] = ord(char.lower())
        elif char in "!?" or 0x2600 <= code <= 0x27BF:
            kind[code] = _SINGLE
        elif char in ".,;":
            kind[code] = _BREAK
    kind[[ord("'"), 0x2019]] = _APOSTROPHE
    lower[0x2019] = ord("'")
    kind[_PLANE:] = _SINGLE
    return lower, kind


def _powers(base: int, size: int) -> Hashes:
    """Return the first powers of a number, modulo 2**64."""
    low = np.full(1024, base, np.uint64)
    high = np.full(size // 1024 + 1, pow(base, 1024, 2**64), np.uint64)
    low[0] = high[0] = 1
    # Each is a power below the 1024th times a power of the 1024th: no chain of products as long as the text.
    return np.multiply.outer(np.multiply.accumulate(high), np.multiply.accumulate(low)).ravel()[:size]


def _hash_words(codes: NDArray[np.uint32], start: Ints, end: Ints) -> Hashes:
    """Return a hash of each word ``codes[start:end]``: the sum of ``codes[start + i] * _PRIME**i``, mixed."""
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _powers(_PRIME, len(codes)), out=sums[1:])
    # The prime is odd, so that modulo 2**64 its powers can be divided away again.
    return _mix((sums[end] - sums[start]) * _powers(_INVERSE, len(codes))[start] + (end - start).astype(np.uint64))


def _mix(key: Hashes) -> Hashes:
    key = (key ^ (key >> np.uint64(33))) * _MIX
    return key ^ (key >> np.uint64(29))


def _hash_strings(words: list[str]) -> Hashes:
    """Return the hashes that `_hash_words` gives these words."""
    codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    end = np.cumsum([len(word) for word in words])
    return _hash_words(codes, end - [len(word) for word in words], end)


@cache
def _roles() -> tuple["Vocabulary", NDArray[np.uint8]]:
    """Return the words that begin or stop a negation or end a clause, and their roles; after them the role of all other words."""
    parts = {_NEGATION: NEGATIONS, _STOP: STOPS, _MARK: ["!", "?"]}
    words = sorted({word for group in parts.values() for word in group})
    role = [sum(part for part, group in parts.items() if word in group) for word in words]
    return Vocabulary(_hash_strings(words)), np.array([*role, 0], np.uint8)


def _smileys(codes: NDArray[np.uint32]) -> tuple[Ints, Ints]:
    """Find faces such as ``:)``, ``;-)``, ``:D``, ``:(``, ``:/``: their eyes and their mouths."""
    eyes = np.flatnonzero(np.isin(codes, [ord(c) for c in ":;="]))
    after = [codes[np.minimum(eyes + i, len(codes) - 1)] for i in (1, 2)]
    mouth = eyes + 1 + (after[0] == ord("-"))
    face = np.isin(np.where(after[0] == ord("-"), after[1], after[0]), [ord(c) for c in ")(dp/"])
    before = codes[np.maximum(eyes - 1, 0)]
    face &= (eyes == 0) | (_tables()[1][np.minimum(before, _PLANE - 1)] == 0)  # not http:// nor 5:d
    face &= mouth < len(codes)
    return eyes[face], mouth[face]


def _words(codes: NDArray[np.uint32]) -> tuple[Ints, Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the words: start and end, whether each is a number, and whether each is only a break."""
    kinds = _tables()[1]
    kind = kinds[codes]
    eyes, mouths = _smileys(codes)
    kind[mouths] = _SINGLE  # a face is known by its mouth
    inside = (kind == _LETTER) | (kind == _DIGIT)
    joined = np.zeros(len(kind), bool)
    joined[1:-1] = (kind[1:-1] == _APOSTROPHE) & inside[:-2] & inside[2:]
    inside |= joined
    alone = (kind == _SINGLE) | (kind == _BREAK)
    first = inside & ~np.concatenate([[False], inside[:-1]])
    last = inside & ~np.concatenate([inside[1:], [False]])
    start, end = np.flatnonzero(first | alone), np.flatnonzero(last | alone) + 1
    return start, end, kind[start] == _DIGIT, kind[start] == _BREAK


def _negated(role: NDArray[np.uint8], breaks: NDArray[np.bool_], turn: Ints) -> NDArray[np.bool_]:
    """Return which words a negation reaches."""
    index = np.arange(len(role))
    counted = np.cumsum(~breaks)  # breaks end a negation, but are not counted as words
    negation = (role & _NEGATION > 0) & ~breaks
    last = np.maximum.accumulate(np.where(negation, index, -1))
    last = np.concatenate([[-1], last[:-1]])
    stop = breaks | (role & _STOP > 0)
    stopped = np.maximum.accumulate(np.where(stop, index, -1))
    reached = (last >= 0) & (last > stopped) & (turn[last] == turn) & ~stop
    return reached & (counted - counted[last] <= NEGATED_WORDS)


def _voices(turns: Sequence[list[Turn] | None], offset: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return text, start, end and voice of every turn; `offset` is where each text begins."""
    text = np.repeat(np.arange(len(turns)), [1 if own is None else len(own) for own in turns])
    start, end = offset[text], offset[text + 1] - 1
    voice = np.full(len(text), _CUSTOMER)
    flat = [turn for own in turns if own is not None for turn in own]
    if flat:
        labelled = np.array([own is not None for own in turns])[text]
        speaker, first, last = zip(*flat, strict=True)
        start[labelled], end[labelled] = start[labelled] + first, start[labelled] + last
        voice[labelled] = [_VOICES.get(who, _UNHEARD) for who in speaker]
    customer = np.flatnonzero(voice == _CUSTOMER)
    is_last = np.append(text[customer][1:] != text[customer][:-1], True)[: len(customer)]
    several = np.bincount(text, minlength=len(turns))[text[customer]] > 1
    voice[customer[is_last & several]] = _LAST
    return text, start, end, voice


def find_terms(texts: list[str], turns: Sequence[list[Turn] | None]) -> Terms:
    """Find every term of a batch of texts.

    Parameters
    ----------
    texts : list of str
        The interactions.
    turns : sequence of list of Turn or None
        The turns of each, in order. Words outside them, or of other speakers than customer and
        agent, are left out. None is one turn of the customer.
    """
    lower = _tables()[0]
    codes = lower[np.frombuffer("\n".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)]
    offset = np.cumsum([0] + [len(text) + 1 for text in texts])
    if not len(codes) or all(own == [] for own in turns):
        return _nothing()
    turn_text, turn_start, turn_end, voice = _voices(turns, offset)
    start, end, number, breaks = _words(codes)
    turn = np.cumsum(np.bincount(np.searchsorted(start, turn_start), minlength=len(start) + 1))[:-1] - 1
    heard = (end <= turn_end[turn]) & (voice[turn] != _UNHEARD) & (turn >= 0)
    start, end, number, breaks, turn = (a[heard] for a in (start, end, number, breaks, turn))
    if not len(start):
        return _nothing()
    key = _hash_words(codes, start, end)
    key[number] = _hash_strings(["0"])
    known, roles = _roles()
    role = roles[known.find(key)]
    negated = _negated(role, breaks, turn)
    ends = breaks | (role & _MARK > 0)
    closed = np.concatenate([[False], ends[:-1]])  # a mark belongs to the clause that it ends
    clause = np.cumsum(closed | np.diff(turn, prepend=-1).astype(bool))
    start, end, turn, key, negated, clause = (a[~breaks] for a in (start, end, turn, key, negated, clause))
    text = turn_text[turn]
    space = negated + _AGENT_SPACE * (voice[turn] == _AGENT)
    key = key + _SALTS[negated.astype(int)]
    occurrences = _pairs(key, turn, voice[turn], space)
    return Terms(text[occurrences[1]], *occurrences, start - offset[text], end - offset[text], turn - _first(turns)[text], clause)


def _nothing() -> Terms:
    """Return the terms of texts in which nobody said a word."""
    none = np.zeros(0, np.int64)
    return Terms(none, none.astype(np.uint64), *(none for _ in range(7)))


def _first(turns: Sequence[list[Turn] | None]) -> Ints:
    """Return the index of each text's first turn among all turns of the batch."""
    return np.cumsum([0] + [1 if own is None else len(own) for own in turns])[:-1]


def _pairs(key: Hashes, turn: Ints, voice: Ints, space: Ints) -> tuple[Hashes, Ints, Ints, Ints]:
    """Return key, first word, length and name space of all terms: words, pairs, and last-turn copies."""
    left = np.flatnonzero(turn[1:] == turn[:-1])
    keys = np.concatenate([key, _mix(key[left] * _PAIR + key[left + 1])])
    word = np.concatenate([np.arange(len(key)), left])
    length = np.concatenate([np.ones(len(key), np.int64), np.full(len(left), 2)])
    space = space[word]
    keys = keys + _SALTS[space // 2 * 2]
    copied = np.flatnonzero(voice[word] == _LAST)
    return (
        np.concatenate([keys, keys[copied] + _SALTS[LAST_SPACE]]),
        np.concatenate([word, word[copied]]),
        np.concatenate([length, length[copied]]),
        np.concatenate([space, space[copied] + LAST_SPACE]),
    )


class Vocabulary:
    """The terms a model knows, found by hash.

    Parameters
    ----------
    keys : array of uint64, shape (n_terms,)
        Hashes of the terms, ascending.
    """

    def __init__(self, keys: Hashes) -> None:
        self.keys = keys
        self._index = pd.Index(keys)

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: Hashes) -> Ints:
        """Return the column of each term, -1 for the unknown."""
        return self._index.get_indexer(pd.Index(keys))


def count_terms(row: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return a matrix with a 1 for each occurrence of a known term, float32.

    Parameters
    ----------
    row, columns : array of int, shape (n_occurrences,)
        Row and column of each occurrence; column -1 is an unknown term.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    csr_matrix
        A term that occurs twice in a row has two entries; ``sum_duplicates()`` adds them.
    """
    known = np.flatnonzero(columns >= 0)
    row = row[known]
    order = np.argsort(row, kind="stable")  # a merge of a few ascending runs, so next to linear
    ends = np.zeros(shape[0] + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=shape[0]), out=ends[1:])
    ones = np.ones(len(known), np.float32)
    return sparse.csr_matrix((ones, columns[known[order]].astype(np.int32), ends), shape=shape)
