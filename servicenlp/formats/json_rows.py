"""JSON lines, a JSON array, or a document around one; a broken line comes back as it was, and says so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from servicenlp.errors import DataError
from servicenlp.formats.encodings import check_encoding, detect_encoding, open_text
from servicenlp.formats.table import MISSING, Options, Row, Table

RAW = "(unread line)"
KEY = "(key)"
# Under these names a document holds its rows; under any other a list belongs to the one interaction it is.
_ROWS = (
    "tickets conversations chats cases calls callTranscripts sessions requests results data items records rows reviews responses "
    "interactions issues value"
).split()
# A list of messages that each name their conversation is rows too.
_MESSAGES = ["messages", "comments", "threads", "posts", "parts", "events"]
_TALKS = ("conversation", "conversation_id", "conversationId", "ticket_id", "ticketId", "thread_id", "threadId", "chat_id", "session_id")
# Other products' names for such lists; some of these may also hold one conversation's messages.
_LISTED = re.compile(
    r"(?!message|comment|note|turn|event|part|user|contact|customer|agent)\w*(?:tickets|conversations|chats|cases|calls|sessions|requests|"
    r"results?|records|reviews|responses|surveys|submissions|feedbacks?|interactions|issues|complaints|incidents|enquiries|inquiries)|"
    r"items|data|values|payload|elements|objects|docs|hits|collection|resources",
    re.IGNORECASE,
)
# What messages have, and whole interactions.
_SPOKEN = {"body", "text", "message", "content", "msg", "body_text", "utterance"}
_SPEAKERS = set("author sender from role speaker direction is_inbound incoming inbound public sender_type user".split())
_BARE = {"from", "role", "speaker", "sender", "author", "value", "content", "text", "message", "utterance"}
_WHOLE = {"rating", "stars", "score", "subject", "title", "summary", "name", "description"}
_BETWEEN = re.compile(r"[\s,]*")
_AROUND = ("data", "response", "result", "export", "payload")  # objects in which a document keeps such lists


def read(path: Path, options: Options) -> Table:
    """Open a file of JSON objects; it is read once to learn its keys."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    columns: dict[str, None] = {}
    n_rows = 0
    for item in _items(path, encoding):
        columns.update(dict.fromkeys(item if isinstance(item, dict) else [RAW]))
        n_rows += 1
    if not columns:
        raise DataError(f"{path}: no JSON objects. Found an empty file. Give one object a line.")
    if list(columns) == [RAW]:
        raise DataError(f"{path}: no JSON objects. Found {n_rows} lines of something else. Give one object a line.")
    names = list(columns)

    def walk() -> Iterator[tuple[Row, str | None]]:
        for item in _items(path, encoding):
            if isinstance(item, dict):
                yield [item.get(name, MISSING) for name in names], None
            else:
                yield [item if name == RAW else MISSING for name in names], "not a JSON object"

    def lines() -> Iterator[int]:
        with open_text(path, encoding) as file:
            yield from (number for number, line in enumerate(file, 1) if line.strip())

    return Table(str(path), f"JSON, {encoding}", names, n_rows, walk, lines=lines, beside=_beside(path, encoding))


def _whole(path: Path, encoding: str) -> object:
    """Return the document that a file is, or None if it is one of lines."""
    with open_text(path, encoding) as file:
        start = file.read(1 << 16).lstrip("\ufeff \t\r\n")
        # A first line that is whole is the first of many, unless it is all there is.
        lines = start.startswith("{") and _parse(start.split("\n", 1)[0]) is not None and "\n" in start.rstrip()
        if lines or not start.startswith(("{", "[")):
            return None
        file.seek(0)
        text = file.read().lstrip("\ufeff")
        whole = _parse(text)
        return _pieces(text) if whole is None else whole


def _pieces(text: str) -> list[object] | None:
    """Return the objects of a list that was cut, or of documents one after the other; what cannot be read comes last, as it stands."""
    decoder = json.JSONDecoder()
    at = _BETWEEN.match(text, text.startswith("[")).end()  # type: ignore[union-attr]
    found: list[object] = []
    while at < len(text) and text[at] == "{":
        try:
            one, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found.append(one)
        at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    rest = text[at:].strip().removesuffix("]").strip()
    if any(isinstance(_parse(line), dict) for line in rest.split("\n")[1:]):
        return None  # lines, one of which is broken
    return [*found, rest] if found and rest else found or None


def _unwrap(document: object) -> tuple[list[object], dict[str, object]]:
    """Return the rows of a document and what stands beside them."""
    if isinstance(document, list):
        return document, {}
    assert isinstance(document, dict)
    embedded = document.get("_embedded")
    if "subject" in document or isinstance(document.get("ticket"), dict):
        return [document], {}  # a ticket, whose lists are its own
    for name in (*_ROWS, *_MESSAGES):
        rows = (embedded if isinstance(embedded, dict) else document).get(name)
        if (
            isinstance(rows, list)
            and (not rows or isinstance(rows[0], dict))
            and ((name in _ROWS and not _is_bare(rows)) or _name_talks(rows))
        ):
            return rows, {key: value for key, value in document.items() if value is not rows and key != "_embedded"}
    for name, rows in document.items():
        if _LISTED.fullmatch(name) and isinstance(rows, list) and rows and isinstance(rows[0], dict) and not _are_messages(rows):
            return rows, {key: value for key, value in document.items() if key != name}
    for name in _AROUND:
        if isinstance(inner := document.get(name), dict) and (found := _unwrap(inner))[0] != [inner]:
            return found[0], {key: value for key, value in document.items() if key != name} | found[1]
    for name, inner in document.items():
        if isinstance(inner, dict) and (rows := _connected(inner)) is not None:
            return rows, {key: value for key, value in document.items() if key != name}
    if (rows := _transposed(document)) is not None:
        return rows, {}
    if _is_keyed(document):
        return [{KEY: name, **value} for name, value in document.items() if isinstance(value, dict)], {}
    return [document], {}


def _connected(document: dict[str, object]) -> list[object] | None:
    """Return the rows of a list that GraphQL or a search engine wraps; None if it is none, or a conversation's."""
    nodes = document.get("nodes") or document.get("hits")
    edges = document.get("edges")
    if not isinstance(nodes, list) and isinstance(edges, list):
        nodes = [edge.get("node") for edge in edges if isinstance(edge, dict)]
    rows = nodes if isinstance(nodes, list) and nodes and all(isinstance(node, dict) for node in nodes) else None
    return None if rows is None or _are_messages(rows) else rows


def _transposed(document: dict[str, object]) -> list[object] | None:
    """Return the rows of a table that pandas wrote by columns, or with the columns apart; None if it is none."""
    names, rows = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return [dict(zip(map(str, names), row, strict=True)) for row in rows]
    columns = list(document.values())
    first = columns[0] if columns else None
    if not isinstance(first, dict) or not first or not all(map(str.isdigit, first)):
        return None
    if not all(isinstance(column, dict) and column.keys() == first.keys() for column in columns):
        return None
    return [{name: column[key] for name, column in document.items() if isinstance(column, dict)} for key in first]


def _is_keyed(document: dict[str, object]) -> bool:
    """Tell whether a document holds its rows by their ids, as some databases keep lists."""
    parts = list(document.values())
    if len(parts) < 2 or not all(isinstance(part, dict) and part for part in parts):
        return False
    alike = set.intersection(*(set(part) for part in parts if isinstance(part, dict)))
    return bool(alike) and all(re.search(r"\d", name) for name in document)


def _is_bare(rows: list[object]) -> bool:
    """Tell whether items hold nothing but who says what: {"from": "human", "value": "..."}."""
    keys = [set(row) for row in rows if isinstance(row, dict)]
    return bool(keys) and all(len(own) == 2 and own <= _BARE for own in keys)


def _are_messages(rows: list[object]) -> bool:
    """Tell whether a list is one conversation: messages that do not name theirs."""
    keys = {key.lower() for key in rows[0]} if isinstance(rows[0], dict) else set()
    return _is_bare(rows) or bool(keys & _SPOKEN and keys & _SPEAKERS and not keys & _WHOLE) and not _name_talks(rows)


def _name_talks(messages: list[object]) -> bool:
    """Tell whether each message names the conversation that it is of."""
    if any(isinstance(one, dict) and {"ts", "thread_ts"} <= one.keys() for one in messages):
        return True  # Slack's, of which those that began no thread name none
    return bool(messages) and all(isinstance(one, dict) and any(one.get(name) for name in _TALKS) for one in messages)


def _beside(path: Path, encoding: str) -> dict[str, object]:
    document = _whole(path, encoding)
    return _unwrap(document)[1] if isinstance(document, dict) else {}


def _items(path: Path, encoding: str) -> Iterator[dict[str, object] | str]:
    """Yield each object, or the line itself where it is none."""
    if isinstance(whole := _whole(path, encoding), dict | list):
        rows = _unwrap(whole)[0]
        plain = all(isinstance(item, str) for item in rows)  # a list of texts
        for item in rows:
            yield item if isinstance(item, dict) else {"text": item} if plain else json.dumps(item, ensure_ascii=False)
        return
    with open_text(path, encoding) as file:
        for line in file:
            if line.strip():
                item = _parse(line)
                yield item if isinstance(item, dict) else line.rstrip("\r\n")


def _parse(text: str) -> object:
    try:
        # A line of an array that was cut still ends in its comma.
        return json.loads(text.strip().removesuffix(","))
    except (ValueError, RecursionError):
        return None
