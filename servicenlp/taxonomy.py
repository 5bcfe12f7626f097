"""The label scheme: every label, its name and its meaning. No other module spells a label.

Sources: Ron Kaufman, *Uplifting Service* (six levels, four categories of value); Jim Clemmer's
three rings of perceived value; values-based service; Frances Frei and Anne Morriss,
*Uncommon Service* (it is usually the process, not the person).
"""

from typing import NamedTuple


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
