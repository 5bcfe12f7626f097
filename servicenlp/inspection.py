"""What was detected in an export, and what would be scored, as text for a terminal."""

from collections import Counter
from textwrap import shorten

from servicenlp.interactions import turns_of
from servicenlp.language import foreign
from servicenlp.readers import Source
from servicenlp.scoring import BATCH, why_skipped


def inspect(source: Source) -> str:
    """Return what was detected in an export and what would be scored, for people."""
    table, shape = source.table, source.shape
    skipped: Counter[str] = Counter()
    conversations = 0
    sample: list[str] = []
    for batch in source.batches(BATCH):
        spoken = turns_of(batch.texts, batch.turns)
        languages = foreign(batch.texts)
        for i, (text, turns) in enumerate(zip(batch.texts, spoken, strict=True)):
            why = why_skipped(text, turns, batch.problems.get(i)) or (languages[i] and f"skipped: other language ({languages[i]})")
            if why:
                skipped[why.split(" in row ")[0]] += 1
                continue
            conversations += len(turns) > 1
            if len(sample) < 3:
                sample.append(shorten(text, 70, placeholder=" ..."))
    others = ", ".join(column for column in table.columns if column not in shape.uses.values())
    lines = [
        f"{table.name}: {table.form}",
        f"  {table.n_rows:,} rows, {len(table.columns)} columns",
        f"  export  {shape.title}",
        *(f"  {role} column  {column!r}" for role, column in shape.uses.items()),
        *(f"  with the messages of  {guest.table.name}" for guest in source.joined),
        f"  other columns  {shorten(others, 60, placeholder=' ...')}",
        f"  to be scored  {table.n_rows - skipped.total():,}, of them {conversations:,} conversations",
        *(f"  {count:,} {why}" for why, count in skipped.most_common()),
        *(f"  e.g. {text!r}" for text in sample),
    ]
    return "\n".join(lines)
