"""Mail: a mailbox (.mbox) or one mail (.eml); one row a message."""

import mailbox
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from pathlib import Path

from servicenlp.errors import DataError
from servicenlp.formats.table import Options, Row, Table

COLUMNS = "message_id thread from to cc date subject body in_reply_to references reply_to delivered_to labels auto_submitted".split()
# A mailbox parts its mails by such lines; one within a mail ("From the start ...") has neither a date nor headers after it.
_PARTING = re.compile(rb"From \S+.*\d\d?:\d\d.*\b\d{4}\b|From (?:-|\S+@\S+)\s")
_FIELD = re.compile(rb"^[!-9;-~]+:")
_UNPARTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_ID = re.compile(r"<[^<>\s]+>")


def read(path: Path, options: Options) -> Table:
    """Open a mailbox or a mail; headers and bodies are decoded as they say, or as best they can."""
    del options  # every mail names its own encoding
    n_rows = 0
    found = False
    for mail in _mails(path):
        n_rows += 1
        found = found or bool(mail.keys())
    if not found:
        what = "an empty file" if not path.stat().st_size else "no headers such as From: or Subject:"
        raise DataError(f"{path}: no mail in it. Found {what}. Export it again as .mbox or .eml.")

    def walk() -> Iterator[tuple[Row, str | None]]:
        for mail in _mails(path):
            row = _row(mail)
            yield row, None if mail.keys() else "not a mail"

    return Table(str(path), "mail", COLUMNS, n_rows, walk)


def _mails(path: Path) -> Iterator[Message]:
    """Yield the mails of a file, one at a time."""
    with path.open("rb") as file:
        start = file.readline(1000)
        if not start.startswith(b"From "):
            yield message_from_bytes(start + file.read())
            return
    held = b""
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            piece = box.get_bytes(key, from_=True)
            parting, _, rest = piece.partition(b"\n")
            if held and not (_PARTING.match(parting) or _FIELD.match(rest)):
                held += b"\n" + piece
                continue
            if held:
                yield message_from_bytes(held)
            held = _UNPARTED.sub(rb"\1", rest)
        if held:
            yield message_from_bytes(held)
    finally:
        box.close()


def _row(mail: Message) -> Row:
    own = _ids(mail, "Message-ID")[:1]
    answered, others = _ids(mail, "In-Reply-To"), _ids(mail, "References")
    thread = _header(mail, "X-GM-THRID") or next(iter([*others, *answered, *own]), "")
    return [
        next(iter(own), ""), thread, _header(mail, "From"), _header(mail, "To"), _header(mail, "Cc"), _header(mail, "Date"),
        _header(mail, "Subject"), _body(mail), " ".join(answered), " ".join(others), _header(mail, "Reply-To"),
        _header(mail, "Delivered-To") or _header(mail, "X-Original-To"), _header(mail, "X-Gmail-Labels"), _automatic(mail),
    ]  # fmt: skip


def _header(mail: Message, name: str) -> str:
    """Return a header's text, however it is broken."""
    value = mail.get(name)
    if value is None:
        return ""
    try:
        parts = decode_header(value)
    except Exception:  # what a stranger's program wrote as a header can fail in any way
        parts = [(str(value), None)]
    text = "".join(part if isinstance(part, str) else _decode(part, charset) for part, charset in parts)
    return " ".join(text.split())


def _ids(mail: Message, name: str) -> list[str]:
    """Return the message ids in a header; what stands there without brackets counts as one."""
    text = _header(mail, name)
    return _ID.findall(text) or text.split()[:1]


def _automatic(mail: Message) -> str:
    """Return what says that no person wrote this: an answer of a machine, a report of the post."""
    told = _header(mail, "Auto-Submitted")
    if told and told.lower() != "no":
        return told
    if mail.get_content_type() == "multipart/report" or _header(mail, "X-Autoreply") or _header(mail, "X-Autorespond"):
        return "auto-replied"
    return "auto-replied" if _header(mail, "Precedence").lower() == "auto_reply" else ""


def _body(mail: Message) -> str:
    """Return the text that a mail shows: its plain parts, or its HTML if it has no others; never an attachment."""
    plain: list[str] = []
    marked: list[str] = []
    for part in _parts(mail):
        kind = "text/plain" if part.get_content_maintype() == "multipart" else part.get_content_type()  # parts that cannot be told apart
        if kind not in ("text/plain", "text/html") or part.get_content_disposition() == "attachment" or part.get_filename():
            continue
        try:
            content = part.get_payload(decode=True)
        except Exception:  # an encoding that breaks off or never was one
            content = str(part.get_payload()).encode(errors="surrogateescape")
        if isinstance(content, bytes):
            charset = part.get_content_charset()
            (plain if kind == "text/plain" else marked).append(_decode(content, charset).replace("\r\n", "\n").strip("\n"))
    return "\n".join(text for text in plain if text.strip()) or "\n".join(text for text in marked if text.strip())


def _parts(mail: Message) -> Iterator[Message]:
    """Yield the parts of a mail, not those of mails attached to it."""
    payload = mail.get_payload()
    if mail.get_content_maintype() != "multipart" or not isinstance(payload, list):
        yield mail
        return
    for part in payload:
        if isinstance(part, Message) and part.get_content_type() != "message/rfc822":
            yield from _parts(part)


def _decode(content: bytes, charset: str | None) -> str:
    """Decode bytes as they claim to be, else as UTF-8, else as Windows does."""
    for encoding in (charset, "utf-8"):
        try:
            if encoding and encoding not in ("unknown-8bit",):
                return content.decode(encoding)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")
