"""A rule file to spaCy matchers: what each rule looks for, where, and what it votes for."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from servicenlp.errors import DataError, ServicenlpError
from servicenlp.taxonomy import CATEGORY_NAMES, values

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.matcher import Matcher
    from spacy.tokens import Doc

SHIPPED = Path(__file__).parent / "rules" / "labelling.toml"
_CHOICES = {
    "speaker": ("customer", "agent", "anyone"),
    "turn": ("any", "first", "last"),
    "form": ("any", "talk", "single"),
    "negated": ("skip", "only", "count"),
    "supposed": ("skip", "count"),
}
_LISTS = {"level", "failed", "delighted", "phrases", "tokens", "with", "without"}
_SHORT = {"nt": "not", "ca": "can", "wo": "will", "sha": "shall", "ai": "is"} | {
    mark + short: word
    for mark in ("'", "’", "")
    for short, word in (("ve", "have"), ("re", "are"), ("m", "am"), ("ll", "will"), ("d", "would"), ("n't", "not"), ("n’t", "not"))
    if mark or short.startswith("n")
}
_GAP = [{"IS_PUNCT": False, "IS_SPACE": False, "OP": "?"}] * 3
_SCOPE = {"window", "negators", "suppositions", "breaks", "exempt"}


@dataclass(frozen=True)
class Rule:
    """One rule; the fields mean what the head of the shipped rule file says.

    Attributes
    ----------
    votes : dict of str to list
        By target, the labels it votes for: levels, and failed or delighted for categories.
    patterns : list
        spaCy token patterns, those of its phrases and its own.
    tokens : list
        Its own among them.
    """

    id: str
    definition: str
    source: str
    votes: dict[str, list[int | str]]
    patterns: list[list[dict[str, Any]]] = field(repr=False)
    tokens: list[list[dict[str, Any]]] = field(default_factory=list, repr=False)
    speaker: str = "customer"
    turn: str = "any"
    form: str = "any"
    negated: str = "skip"
    supposed: str = "skip"
    needs: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True)
class Rulebook:
    """The rules of one file, ready to match.

    Attributes
    ----------
    version : str
        The file's own.
    rules : list of Rule
        In the file's order.
    scope : dict of str to Any
        How far negation and supposition reach; see the shipped file.
    language : spacy.Language
        The tokeniser.
    """

    version: str
    rules: list[Rule]
    scope: dict[str, Any]
    language: "Language" = field(repr=False)
    _patterns: list["_Pattern"] = field(repr=False)
    _index: dict[str, list[int]] = field(repr=False)

    def find(self, doc: "Doc") -> Iterator[tuple[int, int, int]]:
        """Find every rule's patterns in a document.

        Yields
        ------
        rule, start, end : int
            The index of the rule, and the tokens from `start` to before `end`.
        """
        words = {token.norm_ for token in doc} | {token.lower_ for token in doc} | {""}
        # A matcher walks all its patterns at every token; most texts hold the words of a few only.
        for number in sorted({number for word in words for number in self._index.get(word, ())}):
            rule, needed, matcher = self._patterns[number]
            if not any(part.isdisjoint(words) for part in needed):
                yield from ((rule, start, end) for _, start, end in matcher(doc))


class _Pattern(NamedTuple):
    """One pattern: the index of its rule, the words of which it needs one of each set, and its matcher."""

    rule: int
    needed: list[frozenset[str]]
    matcher: "Matcher"


def tokenise(language: "Language", text: str) -> "Doc":
    """Return the tokens of a text; the norm of each is its lower case, short forms written out.

    spaCy's own norms differ between "did" and the same word in "didn't".
    """
    doc = language.make_doc(text)
    for token in doc:
        token.norm_ = _SHORT.get(token.lower_, token.lower_)
    return doc


def require_spacy() -> Any:
    """Return spaCy.

    Raises
    ------
    ServicenlpError
        If it is not installed.
    """
    try:
        import spacy
    except ImportError as error:
        raise ServicenlpError("Rules: spaCy is needed. Found it not installed. Install it: pip install 'servicenlp[spacy]'.") from error
    return spacy


def read_rules(path: str | Path | None = None) -> Rulebook:
    """Read a rule file.

    Parameters
    ----------
    path : str or Path, optional
        A TOML file; the shipped one by default, whose head explains the notation.

    Returns
    -------
    Rulebook
        Its matchers are made with ``spacy.blank("en")``: no model is loaded.

    Raises
    ------
    DataError
        If the file is missing, is no TOML, or a rule is not what it should be; it names the rule.
    ServicenlpError
        If spaCy is not installed.

    Examples
    --------
    >>> book = read_rules()
    >>> book.rules[0].id, book.rules[0].votes
    ('charged-twice', {'level': [1], 'primary': ['failed']})
    """
    path = Path(path) if path is not None else SHIPPED
    spacy = require_spacy()
    told = _toml(path)
    language = spacy.blank("en")
    language.max_length = 10**9  # it guards against the memory of parsers; there is none here
    words = {name: list(map(str, listed)) for name, listed in told.get("words", {}).items()}
    rules = [_rule(f"{path}, rule {number}", entry, words, language) for number, entry in enumerate(told["rule"], 1)]
    _check_ids(path, rules)
    patterns = [_pattern(path, k, rule, pattern, language) for k, rule in enumerate(rules) for pattern in rule.patterns]
    index: dict[str, list[int]] = {}
    for number, pattern in enumerate(patterns):
        for word in min(pattern.needed, key=len, default={""}):
            index.setdefault(word, []).append(number)
    return Rulebook(str(told.get("version", "")), rules, _scope(path, told.get("scope", {})), language, patterns, index)


def _pattern(path: Path, k: int, rule: Rule, pattern: list[dict[str, Any]], language: "Language") -> "_Pattern":
    from spacy.errors import MatchPatternError
    from spacy.matcher import Matcher

    matcher = Matcher(language.vocab, validate=pattern in rule.tokens)
    try:
        matcher.add(rule.id, [pattern])
    except (ValueError, MatchPatternError) as error:
        raise DataError(f"{path}, rule {rule.id}: not a pattern for spaCy. Found {pattern}. Mend its tokens.") from error
    return _Pattern(k, [words for token in pattern if (words := _needed(token))], matcher)


def _needed(token: dict[str, Any]) -> frozenset[str]:
    """Return the words of which a token pattern needs one; none if it may do without."""
    if token.get("OP", "1") not in ("1", "+"):
        return frozenset()
    asked = token.get("NORM", token.get("LOWER"))
    return frozenset([asked] if isinstance(asked, str) else asked.get("IN", ()) if isinstance(asked, dict) else ())


def _toml(path: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such rule file. Found nothing there. Check the name.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: cannot be read as rules. Found: {error}. Mend the TOML.") from error
    if not isinstance(told.get("rule"), list) or not told["rule"]:
        raise DataError(f"{path}: no rules. Found {', '.join(map(repr, told)) or 'an empty file'}. Add tables named [[rule]].")
    return told


def _scope(path: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(told) - _SCOPE:
        raise DataError(f"{path}: [scope] has unknown names. Found {sorted(unknown)[0]!r}. Use {', '.join(sorted(_SCOPE))}.")
    scope: dict[str, Any] = {name: frozenset(told.get(name, ())) for name in _SCOPE - {"window", "exempt"}}
    return scope | {"window": int(told.get("window", 5)), "exempt": [tuple(phrase.split()) for phrase in told.get("exempt", ())]}


def _check_ids(path: Path, rules: list[Rule]) -> None:
    ids = [rule.id for rule in rules]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise DataError(f"{path}: rules of the same id. Found {twice[0]!r} more than once. Give each its own.")
    for rule in rules:
        if unknown := [name for name in (*rule.needs, *rule.bars) if name not in ids]:
            raise DataError(f"{path}, rule {rule.id}: names another rule that is not there. Found {unknown[0]!r}. Correct its id.")


def _rule(where: str, entry: dict[str, Any], words: dict[str, list[str]], language: "Language") -> Rule:
    where = f"{where} ({entry['id']})" if isinstance(entry.get("id"), str) else where
    if lacking := [name for name in ("id", "definition", "source") if not isinstance(entry.get(name), str)]:
        raise DataError(f"{where}: has no {lacking[0]}. Found {', '.join(map(repr, entry))}. Every rule carries one.")
    known = {f.name for f in fields(Rule)} - {"votes", "patterns", "needs", "bars"} | _LISTS
    if unknown := set(entry) - known:
        raise DataError(f"{where}: an unknown field. Found {sorted(unknown)[0]!r}. Use {', '.join(sorted(known))}.")
    for name, allowed in _CHOICES.items():
        if entry.get(name, allowed[0]) not in allowed:
            raise DataError(f"{where}: {name} is not one of its values. Found {entry[name]!r}. Use {', '.join(allowed)}.")
    if wrong := [name for name in _LISTS & set(entry) if not isinstance(entry[name], list)]:
        raise DataError(f"{where}: {wrong[0]} is not a list. Found {entry[wrong[0]]!r}. Put it in brackets.")
    patterns = [p for phrase in entry.get("phrases", ()) for p in _compile(where, phrase, words, language)] + entry.get("tokens", [])
    if not patterns:
        raise DataError(f"{where}: looks for nothing. Found no phrases and no tokens. Add one.")
    plain = {name: entry[name] for name in ("id", "definition", "source", "tokens", *_CHOICES, "alone") if name in entry}
    return Rule(
        **plain, votes=_votes(where, entry), patterns=patterns, needs=tuple(entry.get("with", ())), bars=tuple(entry.get("without", ()))
    )


def _votes(where: str, entry: dict[str, Any]) -> dict[str, list[int | str]]:
    votes: dict[str, list[int | str]] = {}
    if levels := entry.get("level"):
        if strange := [level for level in levels if level not in values("level")]:
            raise DataError(f"{where}: no such level. Found {strange[0]!r}. Levels are 1 to 6.")
        votes["level"] = levels
    for outcome in ("failed", "delighted"):
        for category in entry.get(outcome, ()):
            if category not in CATEGORY_NAMES:
                raise DataError(f"{where}: no such category. Found {category!r}. Use {', '.join(CATEGORY_NAMES)}.")
            votes.setdefault(category, []).append(outcome)
    if not votes:
        raise DataError(f"{where}: votes for nothing. Found no level, failed or delighted. Add one.")
    return votes


def _compile(where: str, phrase: str, words: dict[str, list[str]], language: "Language") -> Iterator[list[dict[str, Any]]]:
    """Turn a phrase into spaCy patterns: one, or more where an alternative is several tokens long."""
    parts = re.sub(r"^(?:\.\.\. ?)+|(?: ?\.\.\.)+$", "", phrase).split()
    if not parts:
        raise DataError(f"{where}: an empty phrase. Found {phrase!r}. Say at least one word.")
    for chosen in product(*(_options(where, part, words, language) for part in parts)):
        yield [token for option in chosen for token in option]


def _options(where: str, part: str, words: dict[str, list[str]], language: "Language") -> list[list[dict[str, Any]]]:
    """Return the token patterns that one part of a phrase may be."""
    if part == "...":
        return [_GAP]
    if part == "*":
        return [[{"IS_PUNCT": False, "IS_SPACE": False}]]
    optional = {"OP": "?"} if part.endswith("?") and len(part) > 1 else {}
    single: list[str] = []
    begins: list[str] = []
    several: list[list[str]] = []
    for word in part.removesuffix("?").split("|") if optional else part.split("|"):
        if word.startswith("<") and word[1:-1] not in words:
            raise DataError(f"{where}: no such list of words. Found {word!r}. Add it to [words].")
        for one in words[word[1:-1]] if word.startswith("<") else [word]:
            if one.endswith("*"):
                begins.append(re.escape(one[:-1]))
            elif len(norms := [token.norm_ for token in tokenise(language, one)]) == 1:
                single += norms
            else:
                several.append(norms)
    options: list[list[dict[str, Any]]] = []
    if begins:
        exact = [f"{re.escape(word)}$" for word in single]
        options.append([{"NORM": {"REGEX": f"^(?:{'|'.join(begins + exact)})"}} | optional])
    elif single:
        options.append([{"NORM": single[0] if len(single) == 1 else {"IN": sorted(set(single))}} | optional])
    return options + [[{"NORM": norm} | optional for norm in norms] for norms in several]
