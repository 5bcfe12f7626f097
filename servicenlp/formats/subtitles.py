"""WebVTT and SRT: a call with the times of its words; one file is one interaction."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from webvtt import Caption, WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError

from servicenlp.errors import DataError
from servicenlp.formats.encodings import check_encoding, detect_encoding, open_text
from servicenlp.formats.table import Options, Row, Table

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^<>\n]*)>", re.IGNORECASE)
# SRT writes a comma, and some programs leave out the hours.
_TIMING = re.compile(r"^[ \t]*((?:\d+:)?\d+:\d+)[,.](\d+)([ \t]*-->[ \t]*)((?:\d+:)?\d+:\d+)[,.](\d+)(.*)$", re.MULTILINE)
_INDEX = re.compile(r"\n[ \t]+(?=\n)")


def read(path: Path, options: Options) -> Table:
    """Open a file of subtitles as a table of one row; its cues, with voice and time, stand beside it."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    with open_text(path, encoding) as file:
        text = "\n".join(file.read().lstrip("\ufeff").splitlines())
    kind = "WebVTT" if text.lstrip().startswith("WEBVTT") else "SRT"
    try:
        cues = list(_cues(text.lstrip()))
    except (MalformedFileError, MalformedCaptionError) as error:
        raise DataError(f"{path}: cannot be read as {kind}. Found: {error}. Export it again.") from error
    if not cues:
        raise DataError(f"{path}: no subtitles. Found no time followed by words. Export it again.")
    words = "\n".join(f"{cue['voice']}: {cue['text']}" if cue["voice"] else cue["text"] for cue in cues)

    def walk() -> Iterator[tuple[Row, str | None]]:
        yield [path.name, words], None

    return Table(str(path), f"{kind}, {encoding}", ["file", "text"], 1, walk, beside={"cues": cues})


def _cues(text: str) -> Iterator[dict[str, Any]]:
    """Yield the words of each voice in each cue."""
    # Read as WebVTT, SRT needs no number before each cue.
    text = _INDEX.sub("\n", _TIMING.sub(r"\1.\2\3\4.\5\6", text))
    for caption in WebVTT.from_string(text if text.startswith("WEBVTT") else f"WEBVTT\n\n{text}").captions:
        parts = _VOICE.split(caption.raw_text)
        for voice, words in zip(["", *parts[1::2]], parts[::2], strict=True):
            said = unescape(Caption(text=words).text).strip() if words.strip() else ""
            if spoken := _metadata(said):
                voice, said = spoken
            if said:
                yield {"voice": unescape(voice).strip(), "text": said, "start": float(caption.start_in_seconds)}


def _metadata(words: str) -> tuple[str, str] | None:
    """Return who says what in a cue that is an object, as Microsoft's interface gives them on demand; None if it is none."""
    try:
        told = json.loads(words) if words.startswith("{") else None
    except ValueError:
        return None
    return (str(told.get("speakerName") or ""), str(told["spokenText"])) if isinstance(told, dict) and told.get("spokenText") else None
