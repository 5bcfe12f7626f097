"""Any table with a column of text: one interaction a row."""

from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options
from servicenlp.readers.shape import Record, Sample, Shape

# Names that help desks, survey tools and review sites give to the customer's words, best first.
TEXT_NAMES = (
    "text|transcript|conversation|description|ticket description|body|message|comment|comments|review|review text|"
    "review_text|feedback|content|verbatim|answer|response|interaction|email|note|notes|tweet|chat|customer comment"
).split("|")


def recognise(sample: Sample, options: Options) -> Shape:
    """Take the text column; see `choose_text_column`."""
    text = choose_text_column(sample.name, sample.columns, sample.rows, options.text_column)
    return Shape("one interaction a row", {"text": text}, text_column=text, id_column=options.id_column or "")


def choose_text_column(name: str, columns: list[str], sample: list[Record], wanted: str | None = None) -> str:
    """Choose the column of the customer's words: the one wanted, a known name, or the wordiest.

    Raises
    ------
    DataError
        If the wanted column is not there, or no column holds sentences.
    """
    found = ", ".join(map(repr, columns[:8])) + (" ..." if len(columns) > 8 else "")
    if wanted:
        if wanted not in columns:
            raise DataError(f"{name}: no column {wanted!r}. Found {found}. Name one of them with --text-column.")
        return wanted
    words = {column: _mean_words([row.get(column, MISSING) for row in sample]) for column in columns}
    known = {column.strip().lower(): column for column in reversed(columns)}
    for text_name in TEXT_NAMES:
        # A known name counts if it holds words: a "comment" column may be empty, a "text" column codes.
        if text_name in known and (words[known[text_name]] >= 2 or not sample or len(columns) == 1):
            return known[text_name]
    if words and max(words.values()) >= 3:
        return max(words, key=lambda column: words[column])
    for text_name in TEXT_NAMES:
        if text_name in known:
            return known[text_name]
    raise DataError(f"{name}: no text column. Found {found or 'no columns'}. Name it with --text-column.")


def _mean_words(cells: list[Any]) -> float:
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return sum(len(text.split()) for text in texts) / len(texts) if texts else 0.0
