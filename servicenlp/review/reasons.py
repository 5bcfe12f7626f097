"""Why a model says what it says of an item: its terms, added up and marked in the conversation."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from servicenlp.review.conversation import Bubble, lay_out, mark_terms
from servicenlp.review.items import Item

if TYPE_CHECKING:
    from servicenlp.classifier import ServiceClassifier
    from servicenlp.explanation import Contribution

SHOWN_TERMS = 12  # one by one, and in the conversation


class Term(NamedTuple):
    """A term, how many times it stands in a text, and what all of these add to the score of a label."""

    term: str
    times: int
    value: float


class Reasons(NamedTuple):
    """Why a model says what it says of an item.

    Attributes
    ----------
    target : str
        Of what.
    label : int or str
        What it says.
    bias : float
        The part of the label's score that no word has.
    terms : list of Term
        The rest of it, the weightiest first; see `servicenlp.explanation.explain`.
    bubbles : list of Bubble
        The conversation, in which the weightiest stand out.
    model : str
        Which model.
    """

    target: str
    label: int | str
    bias: float
    terms: list[Term]
    bubbles: list[Bubble]
    model: str


def give_reasons(model: "ServiceClassifier", item: Item, target: str = "level") -> Reasons:
    """Return which terms decided.

    Raises
    ------
    DataError
        If there is no such target.
    """
    from servicenlp.explanation import explain

    label, bias, terms = explain(model, item.text, target)
    summed = add_up(terms)
    marks = mark_terms(terms, {term.term for term in summed[:SHOWN_TERMS]})
    return Reasons(target, label, bias, summed, lay_out(item, marks), name_model(model))


def add_up(contributions: "Sequence[Contribution]") -> list[Term]:
    """Return each term once, the weightiest first."""
    times, value = Counter[str](), defaultdict[str, float](float)
    for found in contributions:
        times[found.term] += 1
        value[found.term] += found.value
    return sorted((Term(term, times[term], value[term]) for term in times), key=lambda term: -abs(term.value))


def name_model(model: "ServiceClassifier") -> str:
    """Return a loaded model's name as scored files have it."""
    return "{name}-{id}".format(**model.card_).rstrip("-")  # type: ignore[attr-defined]
