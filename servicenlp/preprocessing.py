"""What was written to what is judged: markup, quoted replies and signatures taken out, speakers kept apart."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from servicenlp.chats import split_chat
from servicenlp.interactions import AGENT, CUSTOMER, NOTE, Interaction, Message, Turn, split_turns
from servicenlp.markup import strip_markup
from servicenlp.replies import strip_replies
from servicenlp.speakers import ROLE_WORDS

_LABELS = {CUSTOMER: "Customer: ", AGENT: "Agent: "}
_WORD = re.compile(r"\w+")
_REPEATED = 5  # words that nobody writes twice by chance
_CUT_SHORT = 40  # letters of a description that is the beginning of the first message
_NEAR = 3  # messages back that a reply may quote, besides the first
_ROLE = re.compile(rf"\b(?:{ROLE_WORDS[CUSTOMER]}|{ROLE_WORDS[AGENT]})[ \t]*:", re.IGNORECASE)
_MARKS = re.compile(r"[>\s|]*$")
# What stands for an empty answer; also what review sites put there.
_NOTHING = re.compile(
    r"\W*+(?:no (?:positive|negative|comments?|feedback|answer|response)|n\W?a|none|nil|null|nan|nothing|not applicable|"
    r"keine?|aucune?|ninguno|nessuno|geen|nenhum|brak|なし|特になし)?\W*+",
    re.IGNORECASE,
)


def clean(cell: Any) -> Interaction:
    """Return a cell as an interaction whose turns are still to be found.

    Parameters
    ----------
    cell : object
        A cell of the text column; what is no text is handed on as it is.

    Examples
    --------
    >>> clean("<p>Never again.</p><p>Sent from my iPhone</p>").text
    'Never again.'
    >>> clean("Never again.").made
    False
    """
    if not isinstance(cell, str):
        return Interaction(cell, None, None, False)
    text = plain(cell)
    return Interaction(text, None, None, text is not cell)


def plain(text: str) -> str:
    """Return a text without markup, quoted replies and signatures; the same object if there was nothing to take out."""
    return strip_replies(strip_markup(text))


def says_nothing(text: str) -> bool:
    """Tell whether a text stands for an empty answer.

    Examples
    --------
    >>> says_nothing("N/A"), says_nothing("-"), says_nothing("None."), says_nothing("None of it came.")
    (True, True, True, False)
    """
    return bool(_NOTHING.fullmatch(text))


def assemble(messages: Iterable[Message]) -> Interaction:
    """Put messages together in the order of their times.

    Parameters
    ----------
    messages : iterable of Message
        As they were exported; each is cleaned first.

    Returns
    -------
    Interaction
        Of what the customer and the agents said; a message that repeats the first one is left out,
        and so is what a message quotes of the other side's. Its problem says why if the customer
        said nothing.

    Examples
    --------
    >>> assemble([Message(CUSTOMER, "Where is it?", 2.0), Message(AGENT, "Hello!", 1.0)]).text
    'Agent: Hello!\\nCustomer: Where is it?'
    """
    given = list(messages)
    if all(message.time is not None for message in given):
        given.sort(key=lambda message: message.time or 0.0)
    told = _tell(given)
    if not any(speaker == CUSTOMER for speaker, _ in told):
        return Interaction("", None, _why_nothing([m.speaker for m in given if m.text.strip()]), True)
    if len(told) == 1:
        return Interaction(told[0][1], [Turn(CUSTOMER, 0, len(told[0][1]))], None, True)
    parts: list[str] = []
    turns: list[Turn] = []
    at = 0
    for speaker, words in told:
        label = ("\n" if parts else "") + _LABELS[speaker]
        turns.append(Turn(speaker, at + len(label), at + len(label) + len(words)))
        parts += [label, words]
        at += len(label) + len(words)
    return Interaction("".join(parts), turns, None, True)


def _tell(given: list[Message]) -> list[tuple[str, str]]:
    """Return who said what, each thing once."""
    told: list[tuple[str, str]] = []
    keys: list[str] = []
    for speaker, text in (part for message in given for part in _parts(message)):
        others = [earlier for other, earlier in told[:1] + told[1:][-_NEAR:] if other != speaker]
        text = _without_quoted(text, others)
        key = " ".join(_WORD.findall(text.casefold())) or text
        if keys and speaker == told[0][0] and _is_repeated(key, keys):
            continue
        if len(told) == 1 and speaker == told[0][0] and _is_whole_of(key, keys[0]):
            told, keys = [], []
        told.append((speaker, text))
        keys.append(key)
    return told


def _parts(message: Message) -> list[tuple[str, str]]:
    """Return who says what in a message: its author all of it, unless it holds a chat, as where one became a ticket."""
    spoken = message.speaker in _LABELS
    if not spoken and (message.speaker == NOTE or message.text.count(":") < 2):
        return []
    text = plain(message.text).strip()
    if text.count(":") > 1 and _may_be_chat(text) and _is_chat(turns := split_turns(text), text):
        said = [(turn.speaker, text[turn.start : turn.end].strip()) for turn in turns if turn.speaker in _LABELS]
        return [(speaker, words) for speaker, words in said if words]
    return [(message.speaker, text)] if text and spoken else []


def _may_be_chat(text: str) -> bool:
    """Tell whether two lines have a label, or two roles are labels, which hardly any message has."""
    return sum(":" in line[:80] for line in text.split("\n")) > 1 or len(_ROLE.findall(text)) > 1


def _is_chat(turns: list[Turn], text: str) -> bool:
    """Tell whether both sides speak; of a form ("Agent: Eva", "Customer: Jo") each label stands there once."""
    labelled = Counter(turn.speaker for turn in turns if turn.start > 0)
    return {CUSTOMER, AGENT} <= labelled.keys() and (bool(split_chat(text)) or max(labelled.values()) > 1)


def _is_repeated(key: str, keys: list[str]) -> bool:
    """Tell whether a message is the first one again; a short one only right after it."""
    return key == keys[0] and (len(keys) == 1 or key.count(" ") >= _REPEATED - 1)


def _is_whole_of(key: str, beginning: str) -> bool:
    """Tell whether a description was cut short, and this is the message in full."""
    return len(beginning) >= _CUT_SHORT and key.startswith(beginning)


def _without_quoted(text: str, others: list[str]) -> str:
    """Leave out what a message repeats word for word of what the other side said, unless it is all."""
    for other in others:
        wanted = _WORD.findall(other.casefold())
        if len(wanted) < _REPEATED or len(wanted) * 2 > len(text):
            continue
        words = list(_WORD.finditer(text))
        own = [word[0].casefold() for word in words]
        place = f" {' '.join(own)} ".find(f" {' '.join(wanted)} ")
        if place < 0:
            continue
        first = f" {' '.join(own)} "[:place].count(" ")
        last = first + len(wanted) - 1
        before = _MARKS.sub("", text[: words[first].start()])
        after = text[words[last].end() :].lstrip(".!?…)]\"'”» \n\t>|")
        rest = f"{before}\n{after}".strip()
        if any(map(str.isalpha, rest)):
            text = rest
    return text


def _why_nothing(speakers: list[str]) -> str:
    if not speakers:
        return "no text"
    return f"only {speakers[0]} messages" if len(set(speakers)) == 1 else "no customer words"
