"""Interactions to votes: which rules found something in them, and where."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from servicenlp.interactions import AGENT, BOT, CUSTOMER, Turn, split_turns
from servicenlp.rulebook import Rule, Rulebook, tokenise

if TYPE_CHECKING:
    from spacy.tokens import Doc

_SPEAKERS = {"customer": {CUSTOMER}, "agent": {AGENT, BOT}, "anyone": {CUSTOMER, AGENT, BOT}}


class Place(NamedTuple):
    """Where a rule found something: ``text[start:end]``, in the turn of that number."""

    start: int
    end: int
    turn: int


class Votes(NamedTuple):
    """What the rules found in some interactions.

    Attributes
    ----------
    found : array of bool, shape (n_interactions, n_rules)
        Whether a rule votes.
    places : dict of (int, int) to Place
        By interaction and rule, the first place where it found what it votes for.
    """

    found: NDArray[np.bool_]
    places: dict[tuple[int, int], Place]


class _Part(NamedTuple):
    """A turn as a rule sees it."""

    number: int
    turn: Turn
    first: bool
    last: bool
    talk: bool


def cast_votes(book: Rulebook, texts: Sequence[str], turns: Sequence[Sequence[Turn] | None] | None = None) -> Votes:
    """Let the rules vote on interactions.

    Parameters
    ----------
    book : Rulebook
        The rules.
    texts : sequence of str
        The interactions.
    turns : sequence of (list of Turn or None), optional
        Who says what in each; None where it is to be found out from speaker labels.

    Returns
    -------
    Votes
        In the order of the texts, and of the rules in the file.

    Examples
    --------
    >>> from servicenlp.rulebook import read_rules
    >>> book = read_rules()
    >>> votes = cast_votes(book, ["The waiter was rude.", "The waiter was not rude."])
    >>> [[book.rules[k].id for k in row.nonzero()[0]] for row in votes.found]
    [['staff-unkind'], []]
    """
    found = np.zeros((len(texts), len(book.rules)), bool)
    places: dict[tuple[int, int], Place] = {}
    for i, text in enumerate(texts):
        known = turns[i] if turns is not None else None
        for part in _parts(split_turns(text) if known is None else known):
            doc = tokenise(book.language, text[part.turn.start : part.turn.end])
            norms = [token.norm_ for token in doc]
            for k, start, end in book.find(doc):
                rule = book.rules[k]
                if not found[i, k] and _stands(rule, part) and _means(rule, book, norms, doc, start):
                    found[i, k] = True
                    begins = part.turn.start + doc[start].idx
                    places[i, k] = Place(begins, begins + len(doc[start:end].text), part.number)
    allowed = _allowed(book.rules, found)
    return Votes(allowed, {at: place for at, place in places.items() if allowed[at]})


def _parts(turns: Sequence[Turn]) -> list[_Part]:
    talk = any(turn.speaker in _SPEAKERS["agent"] for turn in turns)
    where: dict[str, list[int]] = {}
    for number, turn in enumerate(turns):
        where.setdefault(turn.speaker, []).append(number)
    return [_Part(n, turn, n == where[turn.speaker][0], n == where[turn.speaker][-1], talk) for n, turn in enumerate(turns)]


def _stands(rule: Rule, part: _Part) -> bool:
    """Tell whether a rule looks at this turn."""
    return (
        part.turn.speaker in _SPEAKERS[rule.speaker]
        and (rule.turn == "any" or (part.first if rule.turn == "first" else part.last))
        and (rule.form == "any" or part.talk == (rule.form == "talk"))
    )


def _means(rule: Rule, book: Rulebook, norms: list[str], doc: "Doc", start: int) -> bool:
    """Tell whether a match is meant as the rule wants it: not denied, not merely supposed."""
    denied, supposed = _scope(book, norms, doc, start)
    return (rule.negated == "count" or denied == (rule.negated == "only")) and (rule.supposed == "count" or not supposed)


def _scope(book: Rulebook, norms: list[str], doc: "Doc", start: int) -> tuple[bool, bool]:
    """Tell whether a negator, or a supposition, reaches the match that begins at a token.

    The words before it in its clause, as far as the rule file's window: Chapman et al. 2001, *A
    Simple Algorithm for Identifying Negated Findings and Diseases in Discharge Summaries* (NegEx).
    """
    scope = book.scope
    denied = supposed = False
    for at in range(start - 1, max(start - 1 - scope["window"], -1), -1):
        word = norms[at]
        if doc[at].is_punct or doc[at].is_space or word in scope["breaks"]:
            break
        exempt = any(tuple(norms[at : at + len(phrase)]) == phrase for phrase in scope["exempt"])
        denied |= word in scope["negators"] and not exempt
        supposed |= word in scope["suppositions"]
    return denied, supposed


def _allowed(rules: list[Rule], found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Take out what a rule found where others that it needs found nothing, or others that bar it did."""
    ids = {rule.id: k for k, rule in enumerate(rules)}
    allowed = found.copy()
    for k, rule in enumerate(rules):
        if rule.needs:
            allowed[:, k] &= found[:, [ids[name] for name in rule.needs]].any(axis=1)
        if rule.bars:
            allowed[:, k] &= ~found[:, [ids[name] for name in rule.bars]].any(axis=1)
    others = [k for k, rule in enumerate(rules) if not rule.alone and "level" in rule.votes]
    taken = allowed[:, others].any(axis=1)
    for k, rule in enumerate(rules):
        if rule.alone:
            allowed[:, k] &= ~taken
    return allowed
