"""What was written to what is judged: markup, quoted replies and signatures taken out, speakers kept apart."""

import re
from collections.abc import Iterable
from typing import Any

from html_text import extract_text

from servicenlp.interactions import AGENT, CUSTOMER, Interaction, Message, Turn

_LABELS = {CUSTOMER: "Customer: ", AGENT: "Agent: "}
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|a|b|i|strong|em|ul|ol|li|table|tr|td|html|body|blockquote|font|img|h[1-6])\b[^<>]*>", re.IGNORECASE
)


def clean(cell: Any) -> Interaction:
    """Return a cell as an interaction whose turns are still to be found."""
    if not isinstance(cell, str):
        return Interaction(cell, None, None, False)
    text = plain(cell)
    return Interaction(text, None, None, text is not cell)


def plain(text: str) -> str:
    """Return a text without markup; the same object if there was nothing to take out."""
    return extract_text(text) if "<" in text and _MARKUP.search(text) else text


def assemble(messages: Iterable[Message]) -> Interaction:
    """Put messages together in the order of their times.

    Returns
    -------
    Interaction
        Of what the customer and the agents said; a message that repeats the first one is left out.
        Its problem says why if the customer said nothing.
    """
    given = list(messages)
    if all(message.time is not None for message in given):
        given.sort(key=lambda message: message.time or 0.0)
    told: list[tuple[str, str]] = []
    for message in given:
        text = plain(message.text).strip()
        if text and message.speaker in _LABELS and (message.speaker, text) not in told[:1]:
            told.append((message.speaker, text))
    if not any(speaker == CUSTOMER for speaker, _ in told):
        return Interaction("", None, _why_nothing([m.speaker for m in given if m.text.strip()]), True)
    if len(told) == 1:
        return Interaction(told[0][1], [Turn(CUSTOMER, 0, len(told[0][1]))], None, True)
    text, turns = "", []
    for speaker, words in told:
        text += ("\n" if text else "") + _LABELS[speaker]
        turns.append(Turn(speaker, len(text), len(text) + len(words)))
        text += words
    return Interaction(text, turns, None, True)


def _why_nothing(speakers: list[str]) -> str:
    if not speakers:
        return "no text"
    return f"only {speakers[0]} messages" if len(set(speakers)) == 1 else "no customer words"
