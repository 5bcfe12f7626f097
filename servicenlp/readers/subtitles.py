"""Calls as subtitles: WebVTT of Teams, Zoom and others, and SRT."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from servicenlp.chats import split_label
from servicenlp.formats import Options
from servicenlp.interactions import CUSTOMER, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape
from servicenlp.speakers import name_role, name_roles

_BRACKETED = re.compile(r"\[(?P<name>[^\[\]]{1,40})\][ \t:-]*(?=\S)")  # "[Agent] Good morning."
_SOUND = re.compile(r"[\[(♪][^\])]*[\])♪]?$")  # "[Music]"


class _Cue(NamedTuple):
    """Words in one breath."""

    name: str
    text: str
    start: float


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take what the format of subtitles gives."""
    cues = sample.beside.get("cues")
    if [column.lower() for column in sample.columns] != ["file", "text"] or not isinstance(cues, list):
        return None
    said = list(_joined(_named([_Cue(cue["voice"], cue["text"], cue["start"]) for cue in cues])))

    def messages(row: Record) -> Iterable[Message]:
        del row  # there is but one
        roles = name_roles([(cue.name, cue.text) for cue in said if cue.name], options.agent_domains)
        # Before anyone is named, an announcement plays.
        return [Message(roles.get(cue.name, SYSTEM if roles else CUSTOMER), cue.text, cue.start) for cue in said]

    return Shape("subtitles of a call", {"text": "text"}, messages=messages, id_column=options.id_column or "")


def _named(cues: list[_Cue]) -> Iterator[_Cue]:
    """Tell the names that stand before the words, as Zoom writes them, from words before a colon.

    Lines that name nobody are whoever's who spoke last.
    """
    lines = [_unbracketed(cue._replace(text=line)) for cue in cues for line in ([cue.text] if cue.name else cue.text.split("\n"))]
    labels = Counter(name for cue in lines if not cue.name and (name := split_label(cue.text)[0]))
    usual = labels.total() * 2 > len(cues)
    last = ""
    for cue in lines:
        name, rest = (cue.name, cue.text) if cue.name else split_label(cue.text)
        if name and (cue.name or usual or labels[name] > 1 or name_role(name)):
            last = name
        else:
            rest = cue.text
        if not _SOUND.match(rest):
            yield _Cue(last, rest.replace("\n", " "), cue.start)


def _unbracketed(cue: _Cue) -> _Cue:
    """Take the name out of brackets before the words, if it names a part."""
    match = None if cue.name else _BRACKETED.match(cue.text)
    return _Cue(match["name"], cue.text[match.end() :], cue.start) if match and name_role(match["name"]) else cue


def _joined(cues: Iterable[_Cue]) -> Iterator[_Cue]:
    """Join what one voice says in a row; rolling subtitles show each line twice."""
    now: _Cue | None = None
    for cue in cues:
        if now and cue.name == now.name:
            if not now.text.endswith(cue.text):
                now = now._replace(text=f"{now.text} {cue.text}")
            continue
        if now:
            yield now
        now = cue
    if now:
        yield now
