"""Chats in plain text: where each named person's words begin and end."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from dateutil import parser

from servicenlp.names import BRACKETED, SPEAKER, THINGS, find_name, is_proper, name_key, plays
from servicenlp.speakers import AGENT, BOT, CUSTOMER, ROLE_WORDS, SYSTEM, has_agent_phrase, is_role, name_role, name_roles


class Utterance(NamedTuple):
    """What one person said: ``text[start:end]`` of a chat.

    Attributes
    ----------
    speaker : str
        CUSTOMER, AGENT, BOT, SYSTEM or NOTE.
    name : str
        As it is written there; empty where nobody is named, as in "Sam joined the chat".
    start, end : int
        Where the words are.
    stamp : str
        The time as it is written there; empty if there is none.
    """

    speaker: str
    name: str
    start: int
    end: int
    stamp: str


class _Line(NamedTuple):
    """The line of a name, or of a notice where there is none.

    It begins `at`, the words at `start`; `end` is its own. `sure` says that its form alone makes a
    chat likely: a time in brackets or with its date. `alone` says that the words are in the lines below.
    """

    name: str
    at: int
    start: int
    end: int
    stamp: str = ""
    sure: bool = False
    alone: bool = False


_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WEEKDAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?"
_DATE = (
    r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|"
    rf"(?:{_WEEKDAY},?\s)?(?:{_MONTH}\s\d\d?(?:st|nd|rd|th)?|\d\d?(?:st|nd|rd|th)?[\s-]{_MONTH})(?:,?[\s-]\d{{4}})?|{_WEEKDAY}|today|yesterday)"
)
_CLOCK = (
    r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s?[ap]\.?m\b\.?)?"
    r"(?:z\b|\s?(?:utc|gmt|[a-z]{1,3}[sd]?t)\b)?(?:\s?[+-]\d\d:?\d\d)?"
)
_STAMP = rf"(?:{_DATE}(?:,?\s(?:at\s)?|t|,|\s[-–|]\s){_CLOCK}|{_CLOCK}(?:,?\s(?:on\s)?{_DATE})?)"
_ELAPSED = r"(?:\d+h\s?)?(?:\d+m\s?)?\d+s|\d+m"  # since the chat began
_CLOSED = rf"(?:\[\s?(?:{_STAMP}|{_ELAPSED})\s?\]|\(\s?(?:{_STAMP}|{_ELAPSED})\s?\))"
_MARKS = r"[\s\u200e\u200f\ufeff]*"  # phones write marks of direction
# "[10:02] ", "2024-05-01 10:02:33 - "
_STAMPED = re.compile(rf"{_MARKS}(?P<stamp>{_CLOSED}|{_STAMP}(?!\w))[ \t]*[-–—|>,:]?[ \t]*", re.IGNORECASE)
# After that: "Sam (Support): hello", "From Sam to Everyone: hello", "<Sam> hello", "Sam - hello"
_SAID = re.compile(
    r"(?:from[ \t]+(?P<sender>[^\n:]{1,60}?)[ \t]+(?:to[ \t]+[^\n:]{1,60})?:|<(?P<nick>[^<>\n]{1,40})>|"
    r"(?P<name>[^\n:\t]{1,60}?)(?:[ \t]*:(?![/\d])|\t))[ \t]*",
    re.IGNORECASE,
)
_DASHED = re.compile(r"(?P<name>[^\n:\t]{1,60}?)[ ][-–—>|][ ][ \t]*")
# "Sam (Agent) 10:02 AM: hello", "Sam [10:02] hello", "Sam Jones  10:02 AM" with the words below
_NAMED = re.compile(
    rf"{_MARKS}(?P<name>[^\n:]{{1,60}}?)(?:[ \t]*(?:[,|•·–—-]|\b(?:at|on))[ \t]*|[ \t]+|(?=[\[(]))"
    rf"(?:(?P<closed>{_CLOSED})[ \t]*[:–—>-]?|(?P<open>{_STAMP}(?!\w))[ \t]*(?::|[–—>-]|\r?$))[ \t]*",
    re.IGNORECASE,
)
# "Sam: hello", "**Sam:** hello", ">> SAM: hello"
_LABELLED = re.compile(r"[ \t]*(?:\*\*|__|>>?|-[ \t])?[ \t]*(?P<name>[^\n:*]{1,60}?)(?:\*\*|__)?[ \t]*:(?:\*\*|__)?(?=\s|$)[ \t]*")
_EVENT = re.compile(
    r"[\s*_=~-]*(?:[^\n.,!?]{1,60}?\s(?:has |have |was )?(?:joined|left|entered|rejoined|ended|accepted|started|closed)"
    r" (?:the|this) (?:chat|conversation|session|room|channel|call|interaction)|"
    r"(?:the )?(?:chat|conversation|session) (?:has been |has |was |is )?(?:started|ended|closed|transferred|accepted|rated)\b[^\n]{0,60}|"
    r"(?:you are now|you're now|now) (?:chatting|connected|speaking)\b[^\n]{0,60}|"
    r"chat (?:started|origin|transcript)\b[^\n]{0,80})[\s.!*_=~-]*",
    re.IGNORECASE,
)
_FRAMED = re.compile(r"\s*(?:\*{2,}|-{3,}|={2,}|~{2,}|_{3,}|\*(?=[^*\n]+\*\s*$))\s*[^\s*=~_-]")
_DIVIDER = re.compile(r"[ \t]*[-=*_]{3,}")
_OMITTED = re.compile(
    r"\s*(?:<[^<>\n]* omitted>|\u200e[^\n]{1,60}|"  # phones write that mark before what nobody typed
    r"(?:image|video|audio|sticker|document|GIF|Contact card) omitted|This message was deleted\.?)\s*"
)
# Of a line with a time and no name, these tell that nobody speaks.
_NOTICE = re.compile(
    r"\b(?:has|have|was|been|is) (?:joined|left|ended|closed|connected|transferred|assigned|disconnected|accepted|started|resolved|"
    r"added|removed|typing)\b|^\S+(?: \S+)? (?:joined|left|created|added|changed)\b|"
    r"^(?:chat|conversation|session|call|ticket|missed)\b|encrypted",
    re.IGNORECASE,
)
_BOLD_LABEL = re.compile(r"\s*(?:\*\*|__)[^*_\n]{1,60}?(?::(?:\*\*|__)|(?:\*\*|__)[ \t]*:)")

# Most texts have none of these and need no closer look.
_CLOCK_HINT = re.compile(r"\d:\d\d")
_ELAPSED_HINT = re.compile(r"[(\[]\s?\d+[hms]\b")
_LABEL_HINT = re.compile(r"^([^\n:]{1,60}):(?:\*\*|__)?(?:\s|$)", re.MULTILINE)
_ALONE_HINT = re.compile(
    r"^[ \t]*(?:[^\n:,.?!()]{1,40}[ \t]?[(\[][ \t]*)?(?:"
    + "|".join(ROLE_WORDS[role] for role in (CUSTOMER, AGENT, BOT))
    + r")[ \t]*\d*[)\]]?[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)

_INLINE = re.compile(
    rf"(?:^|(?<=\s))(?P<stamp>{_CLOSED}|{_DATE}(?:,?\s|t){_CLOCK})[ \t]*[-–—|>,:]?[ \t]*(?P<name>[^\n:]{{1,40}}?):(?![/\d])[ \t]*",
    re.IGNORECASE,
)
_DATED = re.compile(_DATE, re.IGNORECASE)
_LINE = re.compile(r"[^\n]*[^\s]")


def split_chat(text: str, domains: Sequence[str] = ()) -> list[Utterance]:
    """Split a chat of named people into what each of them said.

    Parameters
    ----------
    text : str
        Of any kind.
    domains : sequence of str
        See `servicenlp.speakers.name_role`.

    Returns
    -------
    list of Utterance
        In the order of the text. Empty if it is no such chat: a letter, a review, or a transcript
        of bare labels ("Agent: hello", "Customer: hi") with no times, which need no such search.
        Words before the first name are nobody's if they look like a heading, else the customer's.

    Examples
    --------
    >>> [said.speaker for said in split_chat("[10:02] Sam (Support): hello\\n[10:03] Jo: hi\\n*** Jo left the chat ***")]
    ['agent', 'customer', 'system']
    >>> split_chat("Pros: clean.\\nCons: loud.")
    []
    """
    for find in (_timed, _labelled, _alone):
        if lines := find(text):
            return _utterances(text, sorted([*lines, *_events(text, lines)], key=lambda line: line.at), domains)
    return []


def split_label(line: str) -> tuple[str, str]:
    """Split a line into the name before its first colon and what follows; the name is "" if there is none.

    Examples
    --------
    >>> split_label("Sam Jones: Good morning."), split_label("Price: too high")
    (('Sam Jones', 'Good morning.'), ('', 'Price: too high'))
    """
    match = _LABELLED.match(line)
    name = find_name(match["name"]) if match else ""
    return (name, line[match.end() :]) if match and name and is_proper(name) else ("", line)


def is_newest_first(said: list[Utterance]) -> bool:
    """Tell from its times whether a chat begins with what was said last."""
    times = [_moment(one.stamp) for one in said if one.stamp]
    known = [time for time in times if time is not None]
    return len(known) == len(times) > 2 and known[0] > known[-1] and known == sorted(known, reverse=True)


def _moment(stamp: str) -> datetime | None:
    try:
        return parser.parse(stamp.strip("[]() "), default=datetime(2000, 1, 1), ignoretz=True)
    except (ValueError, OverflowError):
        return None


def _utterances(text: str, lines: list[_Line], domains: Sequence[str]) -> list[Utterance]:
    """Give every line that begins an utterance the words up to the next one, and a speaker."""
    ends = [line.at for line in lines[1:]] + [len(text)]
    before = text[: lines[0].at]
    spans = [(line, min(line.start, end), end) for line, end in zip(lines, ends, strict=True)]
    heading = _is_heading(before)
    notices = "\n".join([before if heading else "", *(text[line.at : line.end] for line in lines if not line.name)])
    roles = name_roles([(line.name, text[start:end]) for line, start, end in spans if line.name], domains, notices)
    said = [
        Utterance(SYSTEM if _OMITTED.fullmatch(text, start, end) else roles.get(line.name, SYSTEM), line.name, start, end, line.stamp)
        for line, start, end in spans
    ]
    return [Utterance(SYSTEM if heading else CUSTOMER, "", 0, len(before), ""), *said] if before.strip() else said


def _is_heading(before: str) -> bool:
    """Tell whether each line before a chat is a title or says something about it ("Chat ID: 17")."""
    return all(":" in line[:40] or len(line.split()) < 6 for line in before.splitlines())


def _timed(text: str) -> list[_Line]:
    """Find the names that stand beside a time."""
    if ":" not in text or not (_CLOCK_HINT.search(text) or _ELAPSED_HINT.search(text)):
        return []
    matches = list(_LINE.finditer(text))
    pairs = zip([None, *matches], matches, strict=False)
    found = [line for above, here in pairs if (line := _timed_line(text, here.start(), here.end(), above))]
    if sum(bool(line.name) for line in found) < 2:
        found = list(_inline(text)) or found
    beside = {line for line in found if line.name and not line.alone}
    if len(beside) * 2 >= sum(bool(line.name) for line in found):
        # Names stand beside their words, so what looks like one above others is words.
        found = [
            line._replace(name="", start=line.at + len(line.stamp), alone=False) if line.alone and line.sure else line for line in found
        ]
        found = [line for line in found if not line.alone]
    count = Counter(name_key(line.name) for line in found)
    found = [
        line
        for line in found
        if not line.name or is_proper(line.name) or (" " not in line.name and (line.sure or count[name_key(line.name)] > 1))
    ]
    return _with_speakers(text, found) if _is_timed_chat(text, [line for line in found if line.name]) else []


def _with_speakers(text: str, lines: list[_Line]) -> list[_Line]:
    """Give lines that name nobody and are no notice to whoever spoke last; some exports say a name only once."""
    kept, speaker = [], ""
    for line in lines:
        if not line.name and speaker and not _is_notice(text, line.start, line.end, True):
            line = line._replace(name=speaker)
        kept.append(line)
        speaker = line.name or speaker
    return kept


def _timed_line(text: str, start: int, end: int, above: re.Match[str] | None) -> _Line | None:
    if stamp := _STAMPED.match(text, start, end):
        sure = stamp["stamp"][0] in "[(" or _DATED.match(stamp["stamp"]) is not None
        if stamp.end() == end:
            name = find_name(above[0]) if above else ""
            return _Line(name, above.start(), end, end, stamp["stamp"], False, True) if above and name and is_proper(name) else None
        said = _SAID.match(text, stamp.end(), end)
        if said and (name := find_name(said["sender"] or said["nick"] or said["name"])) and (" " not in name or is_proper(name)):
            return _Line(name, start, said.end(), end, stamp["stamp"], sure or not said["name"])
        said = _DASHED.match(text, stamp.end(), end)
        if said and (name := find_name(said["name"])):
            return _Line(name, start, said.end(), end, stamp["stamp"], sure)
        if name := find_name(text[stamp.end() : end]):
            return _Line(name, start, end, end, stamp["stamp"], sure, True)
        return _Line("", start, stamp.end(), end, stamp["stamp"], True) if sure else None
    named = _NAMED.match(text, start, end)
    if named and (name := find_name(named["name"])):
        sure = bool(named["closed"]) or _DATED.match(named["open"]) is not None
        return _Line(name, start, named.end(), end, named["closed"] or named["open"], sure, named.end() == end)
    return None


def _inline(text: str) -> Iterator[_Line]:
    """Find names beside a time in a chat whose lines were run together."""
    for match in _INLINE.finditer(text):
        if name := find_name(match["name"]):
            yield _Line(name, match.start(), match.end(), match.end(), match["stamp"], True)


def _is_timed_chat(text: str, lines: list[_Line]) -> bool:
    roles = any(plays(line.name) for line in lines)
    sure = any(line.sure for line in lines)
    if len(lines) < 2:
        return bool(lines) and roles and (sure or bool(_events(text, lines)))
    again = max(Counter(name_key(line.name) for line in lines).values()) > 1
    return roles or sure or (again and len(lines) > 2) or has_agent_phrase(text)


def _labelled(text: str) -> list[_Line]:
    """Find names that stand before a colon, with no time."""
    hints = _LABEL_HINT.findall(text) if "\n" in text else []
    if len(hints) < 2 or all(is_role(hint.strip()) for hint in hints):
        return []
    matches = [match for line in _LINE.finditer(text) if (match := _LABELLED.match(text, line.start(), line.end()))]
    lines = [_Line(name, match.start(), match.end(), match.end()) for match in matches if (name := find_name(match["name"]))]
    count = Counter(name_key(line.name) for line in lines)
    lines = [line for line in lines if count[name_key(line.name)] > 1 or (is_proper(line.name) and not THINGS.search(line.name))]
    lines = [line for line in lines if is_proper(line.name) or " " not in line.name]
    names = dict.fromkeys(line.name for line in lines)
    bare = {name_role(name) for name in names if is_role(name)}
    if len(names) < 2 or all(map(is_role, names)) or {CUSTOMER, AGENT} <= bare:
        return []
    roles = {name_role(name) for name in names if plays(name)}
    again = max(count.values()) > 1 and len(lines) > 2
    titled = any(BRACKETED.search(name) and plays(name) for name in names)
    if not (titled or {CUSTOMER, AGENT} <= roles):
        whole = again or lines[0].at == len(text) - len(text.lstrip())
        if not (whole and (roles or any(map(SPEAKER.match, names)) or has_agent_phrase(text))):
            return []
    if len({key for key, n in count.items() if n > 1}) < 2:
        return lines
    # Beside people who speak again, what is said once may be a detail: "Tracking Number: 17".
    ends = [line.at for line in lines[1:]] + [len(text)]
    return [
        line
        for line, end in zip(lines, ends, strict=True)
        if count[name_key(line.name)] > 1 or name_role(line.name) or len(text[line.start : end].split()) > 3
    ]


def _alone(text: str) -> list[_Line]:
    """Find names on lines of their own, where brackets or bare labels say who they are."""
    if "\n" not in text or not _ALONE_HINT.search(text):
        return []
    found = list(_LINE.finditer(text))
    after = [*found[1:], None]
    heads = [
        _Line(name, line.start(), line.end(), line.end(), alone=True)
        for line, below in zip(found, after, strict=True)
        if below and text.count("\n", line.end(), below.start()) == 1 and (name := find_name(line[0])) and is_proper(name)
    ]
    known = [line for line in heads if plays(line.name) and (is_role(line.name) or BRACKETED.search(line.name))]
    roles = {name_role(line.name) for line in known}
    if not known or roles.isdisjoint({AGENT, CUSTOMER}):
        return []
    if {AGENT, CUSTOMER} <= roles:
        return known
    others = [line for line in heads if line not in known and text[max(0, line.at - 4) : line.at].replace("\r", "")[-2:] in ("", "\n\n")]
    return [*known, *others] if others and any(BRACKETED.search(line.name) for line in known) else []


def _events(text: str, lines: list[_Line]) -> list[_Line]:
    """Find the lines between in which nobody speaks."""
    taken = {line.at for line in lines}
    events = []
    for match in _LINE.finditer(text):
        if match.start() in taken:
            continue
        stamp = _STAMPED.match(text, match.start(), match.end())
        start = stamp.end() if stamp else match.start()
        if _is_notice(text, start, match.end(), stamp is not None):
            events.append(_Line("", match.start(), start, match.end()))
        elif match.start() > lines[-1].at and _DIVIDER.fullmatch(text, match.start(), match.end()):
            return [*events, _Line("", match.start(), match.start(), match.end())]  # a footer to the end
    return events


def _is_notice(text: str, start: int, end: int, timed: bool) -> bool:
    """Tell whether nobody speaks in a line that names nobody."""
    framed = _FRAMED.match(text, start, end) and not _BOLD_LABEL.match(text, start, end)
    return bool(framed or _EVENT.fullmatch(text, start, end) or (timed and _NOTICE.search(text, start, min(end, start + 90))))
