"""Rules to mentions: what `rules/insights.toml` lists, found in a text, with the sentence around it.

The rules are phrases, so no language model is needed and nothing is downloaded; most of them are
never tried on a text, for a phrase is tried only where its rarest word occurs.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import NamedTuple

from servicenlp.errors import DataError
from servicenlp.interactions import CUSTOMER, split_turns

THEMES = ("gesture", "wish", "topic", "competitor", "support", "offering", "payment", "effort", "trust")
_WORD = re.compile(r"[a-z0-9]+")
_END = re.compile(r"[.!?]+[\s\"')]|\n")
_GAP = r"(?:[ \t,;:\-'\"]+[\w'\u2019-]+){0,5}[ \t,;:\-]+"
_NAME = r"(?-i:(?<![@#])(?!{no_name}\b)(?P<name>[A-Z][\w&'-]*(?:(?: &| and| of)? (?!{no_name}\b)[A-Z][\w&'-]*)*))"
_BLANKS = {" ... ": _GAP, " ?": r"[ \t,]*", " ": r"[ \t,]+"}
_BLANK = re.compile(r" \.\.\. | \?| ")
_REPEATED = re.compile(r"\([^()]*\)(?:\{0,\d\}|\*)")  # may be absent, so nothing in it is certain
_COMMON = frozenset(
    "a an and any are as at be but by can for from get got had has have he her his i if in is it its me my no not of on or our out she so "
    "that the their them they this to up us was we were will with would you your".split()
)


class Rule(NamedTuple):
    """One rule.

    Attributes
    ----------
    id, theme, name : str
        The rule, one of `THEMES`, and what people call it.
    definition, source : str
        What it finds, and whose idea it serves.
    phrases, exceptions : tuple of str
        What is found, unless one of the exceptions stands in the same sentence.
    listed : tuple of str
        Phrases that count only where the user gives the names to look for.
    speaker : str
        "customer" where only the customer's words count, else "any".
    detail : str
        What more is known of it: of a competitor rule "better" or "worse", else empty.
    """

    id: str
    theme: str
    name: str
    definition: str
    source: str
    phrases: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    speaker: str = "any"
    detail: str = ""


class Mention(NamedTuple):
    """Where a rule holds: ``text[start:end]``, in the sentence ``text[left:right]``; a competitor's name, if any."""

    rule: Rule
    start: int
    end: int
    left: int
    right: int
    name: str = ""


class _Attempt(NamedTuple):
    """A phrase of rule `number`, worth trying where the text holds a word of each of `others` as well."""

    number: int
    pattern: re.Pattern[str]
    others: tuple[frozenset[str], ...]


@dataclass
class RuleSet:
    """Rules, ready to be tried on texts."""

    rules: tuple[Rule, ...]
    digest: str = ""
    _tries: dict[str, list[_Attempt]] = field(default_factory=dict, repr=False)
    _exceptions: dict[int, re.Pattern[str] | None] = field(default_factory=dict, repr=False)
    _topics: list[tuple[Rule, re.Pattern[str]]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        for number, rule in enumerate(self.rules):
            if rule.theme == "topic":
                self._topics.append((rule, re.compile("|".join(map(_regex, rule.phrases)), re.IGNORECASE)))
                continue  # looked for in sentences that are of interest already
            barred = "|".join(map(_regex, rule.exceptions))
            self._exceptions[number] = re.compile(barred, re.IGNORECASE) if barred else None
            for phrase in rule.phrases:
                first, *others = certain(phrase)
                attempt = _Attempt(number, re.compile(_regex(phrase), re.IGNORECASE), tuple(others))
                for word in first:
                    self._tries.setdefault(word, []).append(attempt)

    def find(self, text: str) -> list[Mention]:
        """Return every rule that holds in a text, once a sentence, in the order of the text.

        Parameters
        ----------
        text : str
            An interaction; where turns are told apart, rules of the customer's words skip the others'.

        Examples
        --------
        >>> found = load_rules().find("Lovely. They refunded me before I even asked!")
        >>> found[0].rule.id, found[0].start
        ('refund-before-asked', 13)
        """
        # A typographic apostrophe is one character too, so that offsets stay.
        plain = text.replace("\u2019", "'")
        words = set(_WORD.findall(plain.lower()))
        tried = {one for word in self._tries.keys() & words for one in self._tries[word]}
        found: dict[tuple[int, int, str], Mention] = {}
        for number, pattern, others in tried:
            if any(words.isdisjoint(other) for other in others):
                continue
            for match in pattern.finditer(plain):
                mention = self._mention(plain, number, match)
                if mention and ((key := (number, mention.left, mention.name)) not in found or found[key].start > mention.start):
                    found[key] = mention
        mentions = sorted(found.values(), key=lambda m: (m.start, m.rule.id, m.end))
        return _spoken(text, mentions)

    def _mention(self, text: str, number: int, match: re.Match[str]) -> Mention | None:
        left, right = sentence(text, *match.span())
        but = self._exceptions[number]
        if but and but.search(text, left, right):
            return None
        return Mention(self.rules[number], *match.span(), left, right, match.groupdict().get("name") or "")

    def topics(self, text: str, left: int, right: int) -> list[Rule]:
        """Return what ``text[left:right]``, a sentence with a wish or a comparison, is about."""
        plain = text.replace("\u2019", "'")
        return [rule for rule, pattern in self._topics if pattern.search(plain, left, right)]

    def of(self, *themes: str) -> list[Rule]:
        """Return the rules of some themes, in the order of the file."""
        return [rule for rule in self.rules if rule.theme in themes]


def _spoken(text: str, mentions: list[Mention]) -> list[Mention]:
    """Leave out what agents say where only the customer's words count."""
    if ":" not in text or all(mention.rule.speaker == "any" for mention in mentions):
        return mentions
    turns = [turn for turn in split_turns(text) if turn.speaker == CUSTOMER]
    return [m for m in mentions if m.rule.speaker == "any" or any(turn.start <= m.start < turn.end for turn in turns)]


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence around ``text[start:end]`` begins and ends."""
    left = max((match.end() for match in _END.finditer(text, max(0, start - 400), start)), default=max(0, start - 400))
    stop = _END.search(text, end, end + 400)
    right = stop.start() + len(stop[0].rstrip()) if stop else min(len(text), end + 400)
    left += len(text[left:start]) - len(text[left:start].lstrip())
    return left, right


def _regex(phrase: str) -> str:
    """Return a phrase as a regular expression: a blank is any white space, "..." up to five words."""
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
    longest = [max(_WORD.findall(way.lower()), key=len, default="") for way in ways or [""]]
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


@lru_cache(maxsize=8)
def load_rules(competitors: tuple[str, ...] = ()) -> RuleSet:
    """Load the rule file.

    Parameters
    ----------
    competitors : tuple of str
        Names to look for; with them no other name counts.

    Raises
    ------
    DataError
        If a rule lacks something.
    """
    raw = files("servicenlp").joinpath("rules/insights.toml").read_text(encoding="utf-8")
    told = tomllib.loads(raw)
    rules = [_rule(entry, told["macro"]) for entry in told["rule"]]
    name = _NAME.replace("{no_name}", told["macro"]["no_name"])
    if competitors:
        name = "(?P<name>" + "|".join(" ".join(map(re.escape, one.split())) for one in sorted(competitors, key=len, reverse=True)) + ")"
    used = [rule.phrases + (rule.listed if competitors else ()) for rule in rules]
    rules = [rule._replace(phrases=tuple(one.replace("{name}", name) for one in own)) for rule, own in zip(rules, used, strict=True)]
    digest = hashlib.sha256(repr(rules).encode()).hexdigest()[:12]
    return RuleSet(tuple(rules), digest)


def _rule(entry: dict[str, object], macros: dict[str, str]) -> Rule:
    """Check one entry and fill in the word lists it names."""
    name = entry.get("id", "?")
    if missing := [key for key in ("id", "theme", "name", "definition", "source", "phrases") if not entry.get(key)]:
        raise DataError(f"Rules, {name}: lacks {', '.join(missing)}. Found {sorted(entry)}. Complete the rule.")
    if entry["theme"] not in THEMES:
        raise DataError(f"Rules, {name}: no such theme. Found {entry['theme']!r}. Choose from {', '.join(THEMES)}.")

    def filled(phrases: object) -> tuple[str, ...]:
        assert isinstance(phrases, Sequence)
        return tuple(re.sub(r"\{([a-z_]+)\}", lambda m: macros.get(m[1], m[0]), phrase) for phrase in phrases)

    texts = {key: str(entry[key]) for key in ("id", "theme", "name", "definition", "source")}
    more = {key: str(entry.get(key, usual)) for key, usual in (("speaker", "any"), ("detail", ""))}
    return Rule(
        **texts,
        phrases=filled(entry["phrases"]),
        exceptions=filled(entry.get("exceptions", [])),
        listed=filled(entry.get("listed", [])),
        **more,
    )
