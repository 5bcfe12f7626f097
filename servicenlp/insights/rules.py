"""Rules to mentions: what `rules/insights.toml` lists, found in a text, with the sentence around it.

The rules are phrases, so no language model is needed and nothing is downloaded; most of them are
never tried on a text, for a phrase is tried only on the sentence in which its rarest word occurs.
"""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import NamedTuple

from servicenlp.errors import DataError
from servicenlp.insights.phrases import WORD, certain, regex
from servicenlp.interactions import CUSTOMER, split_turns

THEMES = ("gesture", "wish", "topic", "competitor", "support", "offering", "payment", "effort", "trust")
_SPAN = re.compile(r"[^.!?\n]+")  # no phrase reaches beyond
_END = re.compile(r"[.!?]+[\s\"')]|\n")
_SMALL = {number: number + 32 for number in range(ord("A"), ord("Z") + 1)}
_NAME = r"(?-i:(?<![@#])(?!{no_name}\b)(?P<name>[A-Z][\w&'-]*(?:(?: &| and| of)? (?!{no_name}\b)[A-Z][\w&'-]*)*))"


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


@dataclass
class _Attempt:
    """A phrase of rule `number`, worth trying where a span holds a word of each of `others` as well."""

    number: int
    phrase: str
    others: list[frozenset[str]]

    @cached_property
    def cased(self) -> bool:
        """Whether capitals matter: where a name is looked for."""
        return "(?P<name>" in self.phrase or self.phrase != self.phrase.lower()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression, made when it is first needed: most of them never are on a small file."""
        return re.compile(regex(self.phrase), re.IGNORECASE if self.cased else 0)


@dataclass
class RuleSet:
    """Rules, ready to be tried on texts."""

    rules: tuple[Rule, ...]
    digest: str = ""
    _attempts: list[_Attempt] = field(default_factory=list, repr=False)
    _tries: dict[str, list[int]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for number, rule in enumerate(self.rules):
            # Topics are looked for in sentences that are of interest already.
            for phrase in rule.phrases if rule.theme != "topic" else ():
                first, *others = certain(phrase)
                for word in first:
                    self._tries.setdefault(word, []).append(len(self._attempts))
                self._attempts.append(_Attempt(number, phrase, others))

    @cached_property
    def _topics(self) -> list[tuple[Rule, re.Pattern[str]]]:
        return [(rule, _any_of(rule.phrases)) for rule in self.of("topic")]

    @cached_property
    def _exceptions(self) -> list[re.Pattern[str] | None]:
        return [_any_of(rule.exceptions) if rule.exceptions else None for rule in self.rules]

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
        # A typographic apostrophe is one character too, and so are small letters, so that offsets stay.
        plain = text.replace("\u2019", "'")
        small = plain.lower()
        small = small if len(small) == len(plain) else plain.translate(_SMALL)
        found: dict[tuple[int, int, str], Mention] = {}
        for span in _SPAN.finditer(small):
            start, end = span.span()
            words = set(WORD.findall(small, start, end))
            for one in {one for word in self._tries.keys() & words for one in self._tries[word]}:
                attempt = self._attempts[one]
                if any(map(words.isdisjoint, attempt.others)):
                    continue
                for match in attempt.pattern.finditer(plain if attempt.cased else small, start, end):
                    mention = self._mention(plain, attempt.number, match)
                    key = (attempt.number, mention.left, mention.name) if mention else None
                    if mention and key and (key not in found or _order(mention) < _order(found[key])):
                        found[key] = mention
        return _spoken(text, sorted(found.values(), key=_order))

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

    def about(self, text: str, mention: Mention) -> list[str]:
        """Return the topics of a mention's sentence by id; "topic-other" if it is about none of them."""
        return [rule.id for rule in self.topics(text, mention.left, mention.right)] or ["topic-other"]

    def of(self, *themes: str) -> list[Rule]:
        """Return the rules of some themes, in the order of the file."""
        return [rule for rule in self.rules if rule.theme in themes]


def _order(mention: Mention) -> tuple[int, str, int]:
    return mention.start, mention.rule.id, -mention.end


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(regex, phrases)), re.IGNORECASE)


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
