"""Texts to texts that name nobody: addresses, numbers and names become typed masks.

What is masked, and counted by its kind:

- EMAIL, also spelt "name at shop dot com"; IP, of both versions, but for those of every home's own
  network.
- PHONE: what is a valid number of a country, or any that follows a word such as "call" or "mobile".
- CARD and IBAN: only if their checksums are right; SSN, of the United States.
- ACCOUNT: 6 digits or more after a word such as account, customer, policy, member, passport or
  sort code; and 13 or more with no word at all.
- NAME: after "my name is", "this is ... speaking", "I am ... from", a title or a greeting, and
  below a sign-off.

What stays: dates, times, prices, flights, models and the last four digits of a card; numbers after
words such as order, booking, ticket or tracking, which mean nothing outside the company; the names
of accounts such as @shop, of which most are companies. Other names stay as well: to mask every
capital would mask cities and products.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator

from servicenlp.interactions import Turn
from servicenlp.private_names import find_names
from servicenlp.private_numbers import Private, find_numbers

KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "ACCOUNT", "SSN", "IP", "NAME")
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}|"
    r"\b\w[\w.]{1,40} ?(?i:\(at\)|\[at\]| at ) ?[\w-]{2,40} ?(?i:\(dot\)|\[dot\]| dot ) ?(?i:com|net|org|co|edu|io|info|de|fr|es|it|"
    r"nl|uk)\b"
)


def redact(text: str) -> tuple[str, Counter[str]]:
    """Mask what tells who somebody is.

    Parameters
    ----------
    text : str
        Any text; masks in it stay as they are.

    Returns
    -------
    text : str
        With masks such as [EMAIL]; the same object if there was nothing to mask.
    counts : Counter
        How many masks of each of `KINDS` were put in.

    Examples
    --------
    >>> redact("My name is Dana Reed, call 212-555-0123 about order 44112233.")[0]
    'My name is [NAME], call [PHONE] about order 44112233.'
    """
    found = find_private(text)
    return _mask(text, found), Counter(one.kind for one in found)


def redact_turns(text: str, turns: Iterable[Turn]) -> tuple[str, list[Turn], Counter[str]]:
    """Mask a text, and move its turns to where they are then.

    Parameters
    ----------
    text : str
        What is judged.
    turns : iterable of Turn
        Of that text, in any order.

    Examples
    --------
    >>> redact_turns("Customer: I am at dana@home.example.", [Turn("customer", 10, 36)])[:2]
    ('Customer: I am at [EMAIL].', [Turn(speaker='customer', start=10, end=26)])
    """
    found = find_private(text)
    ends = [one.end for one in found]
    grown = [0]
    for one in found:
        grown.append(grown[-1] + len(one.kind) + 2 - (one.end - one.start))

    def moved(place: int) -> int:
        k = bisect_right(ends, place)
        if k < len(found) and found[k].start < place:  # inside of what is masked
            return found[k].start + grown[k]
        return place + grown[k]

    counts = Counter(one.kind for one in found)
    return _mask(text, found), [turn._replace(start=moved(turn.start), end=moved(turn.end)) for turn in turns], counts


def find_private(text: str) -> list[Private]:
    """Find what is to be masked, in the order of the text; parts never overlap.

    Examples
    --------
    >>> find_private("Mail dana@home.example")
    [Private(start=5, end=22, kind='EMAIL')]
    """
    found: list[Private] = []
    taken = bytearray()
    for one in _candidates(text):
        taken = taken or bytearray(len(text))
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = b"\x01" * (one.end - one.start)
            found.append(one)
    return sorted(found)


def _mask(text: str, found: list[Private]) -> str:
    if not found:
        return text
    parts, at = [], 0
    for one in found:
        parts += [text[at : one.start], f"[{one.kind}]"]
        at = one.end
    return "".join([*parts, text[at:]])


def _candidates(text: str) -> Iterator[Private]:
    """Walk what may be masked, the surest kinds first."""
    if "@" in text or " dot " in text.lower() or "dot)" in text.lower() or "dot]" in text.lower():
        yield from (Private(*match.span(), "EMAIL") for match in _EMAIL.finditer(text))
    if re.search(r"\d", text):
        yield from find_numbers(text)
    yield from find_names(text)
