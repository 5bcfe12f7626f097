"""Conversations of unknown products: each row holds a list of messages."""

from collections.abc import Iterable, Iterator
from typing import Any

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, SYSTEM, Message, split_turns
from servicenlp.readers.guess import plain_name
from servicenlp.readers.people import Company, are_users_agents, role_of
from servicenlp.readers.shape import Record, Sample, Shape, unfold
from servicenlp.readers.spoken import (
    Said,
    is_labelled,
    is_void,
    labels_of,
    names_speaker,
    parties_of,
    read_message,
    spoken_by_keys,
    values_of,
    words_of,
)

# Under these names a conversation holds its messages, best first.
_LISTS = (
    "messages turns utterances dialog dialogue transcript conversation conversations thread threads chat chatmessages messagelist "
    "history log comments replies answers responses followups updates notes activities "
    "posts entries events segments interactions parts items phrases sentences audiosegments lines "
    "records messagerecords emails articles exchanges nachrichten "
    "mensajes "
    "messaggi berichten wiadomosci mensagens メッセージ data content body list nodes edges values elements results"
).split()
# Lists that answer what stands beside them, and the names of that.
_ANSWERS = set(
    "comments replies answers responses posts thread threads conversations history notes entries activities followups updates".split()
)
_FIRSTS = "description descriptiontext initialmessage firstmessage question body text content message issue complaint problem".split()
_DEEP = 4


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take rows one of whose cells holds a list of messages."""
    rows = [row for row in sample.rows if row]
    found = [paths[0] for row in rows if (paths := _lists(row))]
    if not found:
        return None
    path = max(set(found), key=found.count)
    if len(found) * 2 < sum(not is_void(row.get(path[0])) for row in rows):
        return None  # a few rows hold something like messages, most hold something else
    system = _system(rows[:50], path)
    company = Company()
    if any(one.role is None for row in rows for one in _said(row, path, options, system)):
        for number, row in enumerate(sample.every_row()):
            for one in _said(row, path, options, system):
                if one.role is None:
                    company.see(str(number), one.name)

    def messages(told: Record) -> Iterable[Message]:
        said = list(_said(told, path, options, system))
        known = company.roles([(one.name, one.text) for one in said if one.role is None])
        roles = {one.role for one in said}
        if known and CUSTOMER in roles and AGENT not in roles and len(known) == 1:
            known = dict.fromkeys(known, AGENT)
        elif known and AGENT in roles and CUSTOMER not in roles | set(known.values()):
            known = dict.fromkeys(known, CUSTOMER)
        return [Message(one.role or known[one.name], one.text, one.time) for one in said]

    ids = sample.column(
        "id", "conversation_id", "conversationId", "ticket_id", "thread_id", "chat_id", "session_id", "dialogue_id", "dialog_id", "uuid"
    )
    uses = {"messages": ".".join(path)} | ({"id": ids} if ids else {})
    return Shape("one conversation a row", uses, messages=messages, id_column=options.id_column or ids or "")


def _lists(row: Record) -> list[tuple[str, ...]]:
    """Return where in a row lists of messages are, the best first."""
    found: list[tuple[float, tuple[str, ...]]] = []

    def seek(value: Any, path: tuple[str, ...]) -> None:
        value = unfold(value)
        if isinstance(value, dict) and path and _is_numbered(value):
            value = list(value.values())
        if isinstance(value, dict) and len(path) < _DEEP:
            for name, part in value.items():
                if not is_void(part) and isinstance(part, str | list | dict):
                    seek(part, (*path, str(name)))
        elif isinstance(value, list) and path and (share := _share_said(value)):
            ranks = [_LISTS.index(plain) for name in path if (plain := plain_name(name)) in _LISTS]
            if ranks:
                found.append((min(ranks) - 10 * share + len(path) / 10, path))
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and len(path) < _DEEP:
            seek(value[0], path)

    seek(dict(row), ())
    return [path for _, path in sorted(found, key=lambda one: one[0])]


def _is_numbered(value: dict[str, Any]) -> bool:
    """Tell whether an object is a list whose items have names, as some databases keep lists."""
    return (
        bool(value)
        and all(isinstance(item, dict) for item in value.values())
        and any(words_of(item) and names_speaker(item) for item in value.values())
    )


def _share_said(items: list[Any]) -> float:
    """Return which share of a list's items are messages; 0 if it is no list of messages at all."""
    items = [item for item in items if not is_void(item)][:50]
    if not items:
        return 0.0
    told = [item for item in items if isinstance(item, dict) and (spoken_by_keys(item) or (words_of(item) and names_speaker(item)))]
    lines = [item for item in items if isinstance(item, str) and is_labelled(item)]
    pairs = [item for item in items if isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(part, str) for part in item)]
    plain = [item for item in items if isinstance(item, dict) and words_of(item)]
    texts = [words_of(item) for item in plain]
    if texts and sum(len(text.split()) for text in texts) < 1.5 * len(texts) and not any(" " in text for text in texts):
        return 0.0  # names and values, not words
    share = max(len(told), len(lines), len([pair for pair in pairs if role_of(pair[0])]), len(plain) * 0.6) / len(items)
    return share if share >= 0.3 else 0.0


def _said(row: Record, path: tuple[str, ...], options: Options, system: str) -> Iterator[Said]:
    """Yield what is said in a row, whose messages mostly are at `path`."""
    yield from _asked(row, path[-1])
    value: Any = dict(row)
    paths = _lists(row)
    if not paths:
        return
    for name in paths[0]:
        value = unfold(value)
        value = (value[0] if isinstance(value, list) else value)[name]
    parties = parties_of(row)
    items = unfold(value)
    items = list(items.values()) if isinstance(items, dict) else items if isinstance(items, list) else []
    if are_users_agents(next(labels_of(item), "") for item in items if isinstance(item, dict)):
        parties["user"] = AGENT
    for number, item in enumerate(items):
        if isinstance(item, str):
            for turn in split_turns(item):
                # Lines without a label are taken in turns.
                role = turn.speaker if is_labelled(item) else (CUSTOMER, AGENT)[number % 2]
                yield Said(role, "", item[turn.start : turn.end], None)
        elif isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(part, str) for part in item):
            yield Said(role_of(item[0]), item[0], item[1], None)
        elif isinstance(item, dict):
            yield from read_message(item, parties, options, system)


def _asked(row: Record, name: str) -> Iterator[Said]:
    """Yield what a ticket's customer wrote, where the list holds only the answers to it."""
    if plain_name(name) in _ANSWERS:
        for text in values_of(row, _FIRSTS):
            if isinstance(text, str) and len(text.split()) > 1:
                yield Said(CUSTOMER, "", text, float("-inf"))
                return


def _system(rows: list[Record], path: tuple[str, ...]) -> str:
    """Return what "system" is in these rows: whoever answers, where nobody else does."""
    roles = {one.role for row in rows for one in _said(row, path, Options(), SYSTEM)}
    return SYSTEM if {AGENT, BOT, None} & roles else AGENT
