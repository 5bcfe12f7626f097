"""Messages that stand in rows of their own, gathered by conversation on disk, so that memory stays small."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from servicenlp.interactions import Message


class Conversations:
    """Messages by conversation.

    Parameters
    ----------
    path : Path
        A database file to make; it may vanish once this object is no longer used.
    """

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path)
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("CREATE TABLE message (key BLOB, number INTEGER, speaker BLOB, text BLOB, time REAL)")
        self._indexed = False

    def add(self, key: str, number: int, messages: Iterable[Message]) -> None:
        """Add the messages of the row `number`."""
        rows = [(_bytes(key), number, _bytes(m.speaker), _bytes(m.text), m.time) for m in messages]
        # A row without words still is its conversation's.
        self._base.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?)", rows or [(_bytes(key), number, b"", b"", None)])

    def first(self, key: str) -> int:
        """Return the number of the first row of a conversation."""
        self._index()
        return int(self._base.execute("SELECT min(number) FROM message WHERE key = ?", (_bytes(key),)).fetchone()[0])

    def messages(self, key: str) -> list[Message]:
        """Return a conversation's messages in the order of their rows."""
        self._index()
        found = self._base.execute("SELECT speaker, text, time FROM message WHERE key = ? ORDER BY number, rowid", (_bytes(key),))
        return [Message(_text(speaker), _text(text), time) for speaker, text, time in found if speaker]

    def _index(self) -> None:
        if not self._indexed:
            self._base.execute("CREATE INDEX by_key ON message (key, number)")
            self._indexed = True


def _bytes(text: str) -> bytes:
    """Return a text as the database keeps it, which takes no half of a surrogate pair in its own texts."""
    return text.encode("utf-8", "surrogatepass")


def _text(kept: bytes) -> str:
    return kept.decode("utf-8", "surrogatepass")
