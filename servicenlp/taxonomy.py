"""The label scheme: every label, its name and its meaning.

Sources: Ron Kaufman, *Uplifting Service* (six levels, four categories of value); Jim Clemmer's
three rings of perceived value; values-based service; Frances Frei and Anne Morriss,
*Uncommon Service* (it is usually the process, not the person).
"""

import re
from numbers import Real
from typing import Any, NamedTuple


class Label(NamedTuple):
    """One label of a target: the value that is predicted, its name and what it means."""

    value: int | str
    name: str
    meaning: str


LEVELS = (
    Label(1, "criminal", "A promise broken or a minimum expectation violated."),
    Label(2, "basic", "Disappointing: late, slow, incomplete, cold, below what was hoped for."),
    Label(3, "expected", "The usual: the end result, nothing special either way."),
    Label(4, "desired", "Just how they like it: quick, easy, friendly; they would come back."),
    Label(5, "surprising", "Something special that they did not expect."),
    Label(6, "unbelievable", "Astonishing and unforgettable; a story they will tell for years."),
)
CATEGORIES = (
    Label("primary", "primary product", "The thing itself: quality, fitness, price, a right bill."),
    Label("delivery", "delivery system", "How it arrives: speed, ease, channels, being informed."),
    Label("mindset", "service mindset", "How people behave: attitude, courtesy, ownership."),
    Label("relationship", "ongoing relationship", "Beyond this transaction: loyalty, trust, history."),
)
OUTCOMES = (
    Label("none", "none", "Untouched, or merely normal."),
    Label("failed", "failed", "The customer was let down there."),
    Label("delighted", "delighted", "The customer was pleased there."),
)
NONE = Label("none", "none", "Nothing decided the level, or it cannot be told.")
FOCUSES = (NONE, *CATEGORIES)
RINGS = (
    NONE,
    Label("product", "first ring", "The basic product or service."),
    Label("support", "second ring", "What makes it reliable, accessible and usable."),
    Label("enhanced", "third ring", "The people and the extra touch, or their contempt."),
)
CAUSES = (
    NONE,
    Label("process", "process", "Policy, system, staffing, tooling, stock, own rules."),
    Label("person", "person", "What a particular employee chose to do or not to do."),
    Label("customer", "customer", "The customer's own slip or missing part."),
    Label("external", "external", "Weather, carrier or another third party."),
)
INTERESTS = (
    NONE,
    Label("client", "client first", "The customer's interest came before the company's revenue."),
    Label("company", "company first", "The company's bottom line came first, visibly."),
)

CATEGORY_NAMES = tuple(str(category.value) for category in CATEGORIES)
TARGETS: dict[str, tuple[Label, ...]] = {
    "level": LEVELS,
    **dict.fromkeys(CATEGORY_NAMES, OUTCOMES),
    "focus": FOCUSES,
    "ring": RINGS,
    "cause": CAUSES,
    "interest": INTERESTS,
}


def values(target: str) -> list[int | str]:
    """Return the values a target can take, in their order."""
    return [label.value for label in TARGETS[target]]


_BY_NAME: dict[str, dict[Any, int | str]] = {
    target: {name: label.value for label in labels for name in (label.name, str(label.value), label.value)}
    for target, labels in TARGETS.items()
}
_BY_TITLE = {target: target for target in TARGETS} | {category.name: str(category.value) for category in CATEGORIES}
_BY_TITLE["service level"] = "level"
_LEVEL = re.compile(
    r"(?:level\W*)?(?P<number>[1-6])(?:\.0+)?(?:[\s:=.,(_–—-]+(?P<name>[a-z]+)\)?)?|(?P<first>[a-z]+)[\s:=.,(_–—-]+(?P<last>[1-6])\)?"
)


def as_target(title: str) -> str | None:
    """Return the target that people mean by the title of a column or a question, or None.

    Names with an underscore, such as ``service_mindset``, are those of predictions, not of labels.

    Examples
    --------
    >>> as_target("Level"), as_target("Delivery system"), as_target("service_mindset")
    ('level', 'delivery', None)
    """
    return _BY_TITLE.get(title.strip().lower())


def as_label(target: str, cell: Any) -> int | str | None:
    """Return the label that people mean by a cell, or None if it is none of the target's.

    Examples
    --------
    >>> [as_label("level", cell) for cell in (2, 2.0, "2.0", "Basic", "Level 2", "2 - basic", "basic (2)")]
    [2, 2, 2, 2, 2, 2, 2]
    >>> as_label("level", "3 - basic"), as_label("primary", " Failed"), as_label("primary", "bad")
    (None, 'failed', None)
    """
    names = _BY_NAME.get(target, {})
    if isinstance(cell, bool) or not isinstance(cell, Real | str):
        return None
    if cell in names:  # 2.0 too
        return names[cell]
    text = " ".join(cell.lower().split()) if isinstance(cell, str) else ""
    if text in names or target != "level":
        return names.get(text)
    match = _LEVEL.fullmatch(text)
    meant = {names.get(part) for part in match.groups() if part} if match else set()
    return meant.pop() if len(meant) == 1 else None
