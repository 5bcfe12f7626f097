"""Bytes to text: which encoding a file is written in."""

import codecs
import re
from pathlib import Path
from typing import IO

from servicenlp.errors import DataError

# Encodings of other scripts than the Latin one, as programs write them.
_OTHER_SCRIPTS = {
    *("cp932", "shift_jis", "euc_jp", "euc_jis_2004", "gb18030", "gbk", "big5", "big5hkscs", "cp949", "euc_kr", "johab"),
    *("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", "tis_620"),
}
_RUN = re.compile(rb"[\x80-\xff]{3,}")  # letters of such scripts; in Latin ones accents stand alone
_CENTRAL = re.compile(r"[a-z][\xb9\xb3\xbf]|[\xb3\xbf\xa3\x8c][a-z]")  # no words in cp1252, Polish in cp1250
_PAIRS = ({"\xec", "\xf8"}, {"\xf5", "\xfb"})  # Czech and Hungarian have both; of Western languages each has one at most
_TURKISH = re.compile(r"[a-z][\xfd\xfe\xf0]|[\xfd\xfe\xf0][a-z]")  # letters that but for Turkish only Icelandic has
_ICELANDIC = re.compile(r"[\xe1\xe9\xed\xf3\xfa\xe6]")
_MAC = re.compile(r"[a-z][\xd5\x8e\x8f]")  # a capital or nothing in Windows' encodings, an apostrophe and accents on old Macs
_BEYOND = re.compile("[^\x00-\x7f\ufffd]")


def check_encoding(encoding: str) -> None:
    """Raise DataError if there is no such encoding."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise DataError(f"--encoding: no such encoding. Found {encoding!r}. Try utf-8, utf-16 or cp1252.") from error


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a text file so that no byte stops the reading."""
    return path.open(encoding=encoding, errors="replace", newline="")


def detect_encoding(path: Path) -> str:
    """Return utf-8 if the whole file is that, else what its marks or its letters suggest."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
            if head.startswith(mark):
                return encoding
        if head[:400].count(0) * 3 > len(head[:400]):  # every other byte of UTF-16 that has no mark
            return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            chunk = head
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(1 << 20)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError as error:
            line = chunk.rfind(b"\n", 0, error.start) + 1
            part = head if chunk is head else chunk[line : line + (1 << 16)]
    return "utf-8" if _is_damaged_utf8(path) else _guess_encoding(part)


def _is_damaged_utf8(path: Path) -> bool:
    """Tell whether most letters beyond ASCII are UTF-8, though some bytes are not: a file cut or patched together."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    whole = broken = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            text = decoder.decode(chunk)
            broken += text.count("\ufffd")
            whole += len(_BEYOND.findall(text))
    return whole > broken


def _guess_encoding(part: bytes) -> str:
    """Return what a part of a file is written in that is not UTF-8."""
    from charset_normalizer import from_bytes  # most files are UTF-8 and do without

    found = list(from_bytes(part))
    if found and found[0].encoding.startswith("utf_16"):
        return found[0].encoding
    if len(b"".join(_RUN.findall(part))) * 2 > sum(byte > 0x7F for byte in part):
        if other := next((match.encoding for match in found if match.encoding in _OTHER_SCRIPTS), ""):
            return other
    text = part.decode("latin-1")
    if _MAC.search(text):
        return "mac_roman"
    if len(_TURKISH.findall(text)) > 2 and not _ICELANDIC.search(text):
        return "cp1254"
    # Office programs write Windows-1252; every byte has a meaning there.
    central = len(_CENTRAL.findall(text)) > 1 or any(pair <= set(text) for pair in _PAIRS)
    return "cp1250" if central else "cp1252"
