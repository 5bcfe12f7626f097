"""An interaction's turns: where each begins and ends in the text, and who speaks."""

import re
from typing import NamedTuple

CUSTOMER, AGENT, OTHER = "customer", "agent", "other"

_SPEAKERS = {
    CUSTOMER: "customer|client|caller|user|buyer|guest|passenger|patient|member|visitor|me|cust",
    AGENT: "agent|rep|representative|support|advis[oe]r|operator|associate|specialist|staff|seller|assistant",
    OTHER: "bot|chatbot|virtual assistant|system|note|private note|internal note",
}
# A name at the start of a line, perhaps after a time in brackets, then a colon.
_LABEL = re.compile(
    r"^[ \t]*(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?(?:[ \t]?[ap]m)?[\])]?[ \t]*)?"
    + "(?:"
    + "|".join(f"(?P<{who}>{names})" for who, names in _SPEAKERS.items())
    + r")[ \t]*:[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)


_TALK = 4  # turns that make a talk between two


class Turn(NamedTuple):
    """One speaker's words: ``text[start:end]`` of the interaction's text."""

    speaker: str
    start: int
    end: int


def split_turns(text: str) -> list[Turn]:
    """Split a text into turns at its speaker labels.

    Parameters
    ----------
    text : str
        The interaction as it came.

    Returns
    -------
    list of Turn
        In the order of the text. A text with no speaker label is one turn of the customer.
        Words before the first label belong to the customer as well. Where four turns or more all
        bear the agent's label, the labels are wrong: some exports name whoever typed last. The
        turns are then taken to alternate, the customer first.
    """
    labels = list(_LABEL.finditer(text)) if ":" in text else []
    if not labels:
        return [Turn(CUSTOMER, 0, len(text))]
    first = labels[0].start()
    turns = [Turn(CUSTOMER, 0, first)] if text[:first].strip() else []
    ends = [label.start() for label in labels[1:]] + [len(text)]
    turns += [Turn(str(label.lastgroup), label.end(), end) for label, end in zip(labels, ends, strict=True)]
    return _alternate(turns) if len(turns) >= _TALK and all(turn.speaker == AGENT for turn in turns) else turns


def _alternate(turns: list[Turn]) -> list[Turn]:
    """Give every other turn to the customer, the first one included."""
    return [turn._replace(speaker=(CUSTOMER, AGENT)[i % 2]) for i, turn in enumerate(turns)]
