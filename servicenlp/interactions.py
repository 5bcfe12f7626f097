"""An interaction, its messages and turns: where each begins and ends in the text, and who speaks."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from servicenlp.chats import split_chat
from servicenlp.speakers import AGENT, BOT, CUSTOMER, NOTE, ROLE_WORDS, SYSTEM, is_role

__all__ = ["AGENT", "BOT", "CUSTOMER", "NOTE", "SYSTEM", "Interaction", "Message", "Turn", "split_turns", "turns_of"]

_WHO = "(?:" + "|".join(f"(?P<{who}>{names})" for who, names in ROLE_WORDS.items()) + r")[ \t]*:[ \t]*"
# A name at the start of a line, perhaps after a time in brackets, then a colon.
_LABEL = re.compile(
    rf"^[ \t]*(?:[\[(]?\d{{1,2}}:\d\d(?::\d\d)?(?:[ \t]?[ap]m)?[\])]?[ \t]*)?{_WHO}",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE = re.compile(rf"(?:^|(?<=\s)){_WHO}(?<=\s)", re.IGNORECASE)

_TALK = 4  # turns that make a talk between two


class Turn(NamedTuple):
    """One speaker's words: ``text[start:end]`` of the interaction's text."""

    speaker: str
    start: int
    end: int


class Message(NamedTuple):
    """What one speaker wrote or said at one time.

    Attributes
    ----------
    speaker : str
        CUSTOMER, AGENT, BOT, SYSTEM or NOTE.
    text : str
        As it was exported; HTML, quoted replies and signatures are taken out later.
    time : float or None
        Seconds; only their order counts. None keeps the order given.
    """

    speaker: str
    text: str
    time: float | None = None


class Interaction(NamedTuple):
    """What is judged.

    Attributes
    ----------
    text : str
        The words; what a cell held if that is no text.
    turns : list of Turn or None
        Who says what in it; None if `split_turns` is to find out.
    problem : str or None
        Why there is nothing to judge.
    made : bool
        Whether the text is not a cell of the input as it stands, but cleaned or put together.
    """

    text: Any
    turns: list[Turn] | None
    problem: str | None
    made: bool


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
        Words before the first label belong to the customer as well. Chats of named people are
        split too: see `servicenlp.chats.split_chat`. Where four turns or more all
        bear the agent's label, the labels are wrong: some exports name whoever typed last. The
        turns are then taken to alternate, the customer first.

    Examples
    --------
    >>> split_turns("Agent: hello\\nCustomer: my bag is lost")
    [Turn(speaker='agent', start=7, end=13), Turn(speaker='customer', start=23, end=37)]
    """
    labels = list(_LABEL.finditer(text)) if ":" in text else []
    if len(labels) == 1 and text.count(":") > 1:
        labels = _run_together(text) or labels
    said = split_chat(text)
    named = [one for one in said if one.name]
    # Bare labels alone are read as ever: the model learnt from them.
    if len(named) > len(labels) or not all(is_role(one.name) for one in named):
        return [Turn(one.speaker, one.start, one.end) for one in said]
    if not labels:
        return [Turn(CUSTOMER, 0, len(text))]
    first = labels[0].start()
    turns = [Turn(CUSTOMER, 0, first)] if text[:first].strip() else []
    ends = [label.start() for label in labels[1:]] + [len(text)]
    turns += [Turn(str(label.lastgroup), label.end(), end) for label, end in zip(labels, ends, strict=True)]
    return _alternate(turns) if len(turns) >= _TALK and all(turn.speaker == AGENT for turn in turns) else turns


def turns_of(texts: Sequence[Any], known: Mapping[int, list[Turn]]) -> list[list[Turn]]:
    """Return the turns of each text: those that are known by its index, else what `split_turns` finds; none if it is no text."""
    return [known.get(i) or (split_turns(text) if isinstance(text, str) else []) for i, text in enumerate(texts)]


def _run_together(text: str) -> list[re.Match[str]]:
    """Find the labels of a transcript whose lines were run together: "Agent: Hello. Customer: Hi."; [] if it is none."""
    found = list(_INLINE.finditer(text))
    begins = bool(found) and not text[: found[0].start()].strip()
    alike = all(one[0][0].isupper() == found[0][0][0].isupper() for one in found)
    return found if begins and alike and {CUSTOMER, AGENT} <= {one.lastgroup for one in found} else []


def _alternate(turns: list[Turn]) -> list[Turn]:
    """Give every other turn to the customer, the first one included."""
    return [turn._replace(speaker=(CUSTOMER, AGENT)[i % 2]) for i, turn in enumerate(turns)]
