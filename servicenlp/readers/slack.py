"""Slack: the messages of a channel, as a workspace's export (a file a day) and as the API give them, by thread."""

import re
from collections.abc import Iterator
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, mapping, seconds, truth, words

_ROLES = {CUSTOMER, AGENT, BOT, SYSTEM, NOTE}
_SPOKEN = {"", "thread_broadcast", "reply_broadcast", "file_share", "file_comment", "me_message", "bot_message"}
_MENTION = re.compile(r"<(?:[@#!][^<>|]*|https?://[^<>|]*|mailto:[^<>|]*)(?:\|([^<>]*))?>")


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take messages that bear Slack's times and name their threads, or the list of a workspace's people.

    Raises
    ------
    DataError
        If it is the list of a workspace's channels.
    """
    if {"profile", "is_bot", "deleted"} <= set(sample.columns) and sample.has("id"):
        return Shape("Slack users", {"id": "id"}, people=lambda told: _person(told, options))
    if {"creator", "members", "purpose", "topic"} <= set(sample.columns):
        found = ", ".join(map(repr, sample.columns[:8]))
        raise DataError(f"{sample.name}: a list of Slack channels, without messages. Found {found}. Give the whole export, as .zip.")
    if not _is_channel(sample):
        return None
    uses = {"id": "thread_ts", "text": "text", "author": "user"}
    return Shape("Slack messages", uses, messages=_messages, id_column="thread_ts", key=_thread, settle=_settle)


def _is_channel(sample: Sample) -> bool:
    """Tell whether rows are a channel's messages, and not those of two people, who need no threads."""
    if not sample.has("ts", "text") or not any(words(row.get("type")) == "message" for row in sample.rows):
        return False
    people = [person for row in sample.rows if not row.get("subtype") and (person := ident(row.get("user")))]
    two = len(set(people)) == 2 and min(map(people.count, people)) > 1
    return sample.has("thread_ts") or (any(map(sample.has, ("client_msg_id", "blocks", "subtype", "user_profile"))) and not two)


def _thread(told: Record) -> str:
    """Return a thread's name: the time of its first message; a message that nobody answered is one of its own."""
    return ident(told.get("thread_ts")) or ident(told.get("ts"))


def _messages(told: Record) -> Iterator[Message]:
    kind = words(told.get("subtype"))
    person = ident(told.get("user"))
    if kind not in _SPOKEN or not (person or told.get("bot_id") or kind):
        speaker = SYSTEM
    else:
        speaker = BOT if kind == "bot_message" or ident(told.get("bot_id")) else person or SYSTEM
    yield Message(speaker, _MENTION.sub(lambda found: found[1] or "", words(told.get("text"))), seconds(told.get("ts")))


def _settle(told: Record, messages: list[Message]) -> list[Message]:
    """Take who began the thread for the customer, and who answered for agents."""
    people = [m.speaker for m in sorted(messages, key=lambda m: m.time or 0.0) if m.speaker not in _ROLES]
    asked = ident(told.get("parent_user_id"))
    if asked not in people and not any(m.speaker == CUSTOMER for m in messages):
        asked = asked if asked and people else next(iter(people), "")
    return [m if m.speaker in _ROLES else m._replace(speaker=CUSTOMER if m.speaker == asked else AGENT) for m in messages]


def _person(told: Record, options: Options) -> tuple[str, str]:
    """Return a person's id, and the role that can be told: bots, and whoever has an agent's address."""
    email: Any = mapping(told.get("profile")).get("email")
    return ident(told.get("id")), BOT if truth(told.get("is_bot")) else AGENT if from_agent(email, options) else ""
