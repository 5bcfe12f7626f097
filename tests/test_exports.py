"""Every example export is recognised with no options, and gives the interactions that stand beside it."""

import csv
import json
from pathlib import Path

import pytest

from servicenlp.interactions import turns_of
from servicenlp.readers import READERS, open_sources
from servicenlp.scoring import why_skipped

EXPORTS = Path(__file__).parent / "exports"
EXPECTED = sorted(EXPORTS.glob("*/*.expected.json"))


def judged(source) -> list:
    """The turns that are judged of each row, or why there are none."""
    found = []
    for batch in source.batches(1000):
        spoken = turns_of(batch.texts, batch.turns)
        for i, (text, turns) in enumerate(zip(batch.texts, spoken, strict=True)):
            why = why_skipped(text, turns, batch.problems.get(i))
            found.append(why.removeprefix("skipped: ") if why else [[t.speaker, text[t.start : t.end].strip()] for t in turns])
    return found


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: f"{path.parent.name}/{path.name.removesuffix('.expected.json')}")
def test_export_is_read_with_no_options(expected, tmp_path):
    sources = open_sources([expected.with_name(expected.name.removesuffix(".expected.json"))], tmp_path)
    assert {source.shape.reader or "generic" for source in sources} == {expected.parent.name}
    assert [one for source in sources for one in judged(source)] == json.loads(expected.read_text(encoding="utf-8"))["interactions"]


@pytest.mark.parametrize("name", ["generic/exchange.csv", "messages/exchange.csv", "messages/two_people.csv"])
def test_the_order_of_columns_tells_nothing(name, tmp_path):
    rows = list(csv.reader((EXPORTS / name).read_text(encoding="utf-8").splitlines()))
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([f"row_{i}" if i else "row_uuid", *row[::-1]] for i, row in enumerate(rows))
    [source] = open_sources([tmp_path / "a.csv"], tmp_path)
    assert judged(source) == json.loads((EXPORTS / f"{name}.expected.json").read_text(encoding="utf-8"))["interactions"]


def test_every_reader_has_an_example():
    assert {path.parent.name for path in EXPECTED} == set(READERS)
