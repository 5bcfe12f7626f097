"""Chats as plain text, in a file or in a column: "[10:02] Sam (Support): hello"."""

from collections.abc import Iterable

from servicenlp.chats import is_newest_first, split_chat
from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import Message, split_turns
from servicenlp.markup import strip_markup
from servicenlp.readers.guess import choose_text_column
from servicenlp.readers.shape import Record, Sample, Shape, words


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take a table whose text column holds chats, most of them at least."""
    try:
        column = choose_text_column(sample.name, sample.columns, sample.rows)
    except DataError:
        return None
    texts = [text for row in sample.rows if (text := words(row.get(column)).strip())]
    chats = sum(bool(split_chat(strip_markup(text))) for text in texts)
    if not chats or chats * 2 < len(texts):
        return None

    def messages(row: Record) -> Iterable[Message]:
        text = strip_markup(words(row.get(column)))
        said = split_chat(text, options.agent_domains)
        if not said:
            return [Message(turn.speaker, text[turn.start : turn.end]) for turn in split_turns(text)]
        told = [Message(one.speaker, text[one.start : one.end]) for one in said]
        return told[::-1] if is_newest_first(said) else told

    return Shape("chats in plain text", {"text": column}, messages=messages, id_column=options.id_column or "")
