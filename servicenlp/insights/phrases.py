"""Phrases of the rule file to regular expressions, and to the words without which they cannot hold.

A phrase is words; a blank is any white space, "..." up to five words between. Phrases end where a
sentence does, so they are looked for in one sentence at a time.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from servicenlp.errors import DataError

WORD = re.compile(r"[a-z0-9]+")
_GAP = r"(?:[ \t,;:\-'\"]+[\w'\u2019-]+){0,5}[ \t,;:\-]+"
_BLANKS = {" ... ": _GAP, " ?": r"[ \t,]*", " ": r"[ \t,]+"}
_BLANK = re.compile(r" \.\.\. | \?| ")
_REPEATED = re.compile(r"\([^()]*\)(?:\{0,\d\}|\*)")  # may be absent, so nothing in it is certain
_COMMON = frozenset(
    "a an and any are as at be but by can for from get got had has have he her his i if in is it its me my no not of on or our out she so "
    "that the their them they this to up us was we were will with would you your".split()
)


def regex(phrase: str) -> str:
    """Return a phrase as a regular expression.

    Examples
    --------
    >>> bool(re.search(regex("third (time|call)"), "my third  time"))
    True
    """
    pattern = _BLANK.sub(lambda blank: _BLANKS[blank[0]], phrase)
    return rf"\b{pattern}(?:(?<=\s)|(?!\w))"


def certain(phrase: str) -> list[frozenset[str]]:
    """Return sets of words of each of which a text must hold one for a phrase to be in it, the rarest first, as far as a guess goes.

    Raises
    ------
    DataError
        If no word of the phrase is certain.

    Examples
    --------
    >>> [sorted(words) for words in certain("(my|the) refund(s|ed)? ... asked")]
    [['asked'], ['refund', 'refunded', 'refunds'], ['my', 'the']]
    """
    sets = [words for part in _parts(_REPEATED.sub("", phrase)) if (words := _words(part))]
    if not sets:
        raise DataError(f"Rules: a phrase without a certain word. Found {phrase!r}. Put one word outside brackets and question marks.")
    return sorted(sets, key=lambda words: sum(10.0 if word in _COMMON else 4 / len(word) ** 2 for word in words))


def _parts(phrase: str) -> Iterator[str]:
    """Split a phrase at the blanks outside brackets."""
    depth, part = 0, ""
    for letter in phrase:
        depth += (letter == "(") - (letter == ")")
        if letter == " " and not depth:
            yield part
            part = ""
        else:
            part += letter
    yield part


def _words(part: str) -> frozenset[str]:
    """Return the longest word of each way to read a part; none if it may be absent or cannot be told."""
    ways = _ways(part)
    longest = [max(WORD.findall(way.lower()), key=len, default="") for way in ways or [""]]
    return frozenset() if "" in longest else frozenset(longest)


@lru_cache(maxsize=4096)
def _ways(part: str) -> tuple[str, ...] | None:
    """Return the ways to read a pattern of letters, brackets and question marks; None if it holds more than these."""
    options: list[tuple[str, ...]] = []
    for piece in _pieces(part):
        optional = len(piece) > 1 and piece.endswith("?")
        core = piece[:-1] if optional else piece
        if core.startswith("("):
            inner = [_ways(choice) for choice in _choices(core[1:-1])]
            if any(way is None for way in inner):
                return None
            ways = tuple(way for found in inner for way in found or ())
        elif core in "[]{}*+.?^$\\" or core.startswith("\\"):
            return None
        else:
            ways = (core,)
        options.append((*ways, "") if optional else ways)
    return tuple("".join(letters) for letters in product(*options))


def _pieces(part: str) -> Iterator[str]:
    """Yield the letters, escapes and bracketed groups of a pattern, each with its question mark."""
    depth, piece = 0, ""
    for i, letter in enumerate(part):
        depth += (letter == "(") - (letter == ")")
        piece += letter
        if not depth and piece != "\\" and part[i + 1 : i + 2] != "?":
            yield piece
            piece = ""


def _choices(inner: str) -> list[str]:
    depth, choices = 0, [""]
    for letter in inner:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and not depth:
            choices.append("")
        else:
            choices[-1] += letter
    return choices
