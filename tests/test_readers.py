from pathlib import Path

import pandas as pd
import pytest

from servicenlp.errors import DataError
from servicenlp.readers import open_source
from servicenlp.readers.generic import choose_text_column


def records(columns, rows) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("columns", "sample", "chosen"),
    [
        (["id", "Transcript"], [["1", "one two three"]], "Transcript"),
        (["comment", "text"], [["one two three", "four five six"]], "text"),
        (["text", "body"], [["A7", "one two three"]], "body"),
        (["x", "y"], [["a b", "one two three four"]], "y"),
        (["text"], [["A7"]], "text"),
        (["id", "notes"], [], "notes"),
        (["id", "text"], [["1", ""]], "text"),
        (["id", "review"], [["1", "Great"], ["2", "Awful"]], "review"),
    ],
)
def test_choose_text_column_takes_a_known_name_or_the_wordiest(columns, sample, chosen):
    assert choose_text_column("a.csv", columns, records(columns, sample)) == chosen


def test_choose_text_column_takes_what_is_wanted():
    assert choose_text_column("a.csv", ["text", "b"], [{"text": "one two three", "b": "x"}], "b") == "b"


@pytest.mark.parametrize(
    ("columns", "wanted", "message"),
    [
        (["id", "b"], "c", r"^a.csv: no column 'c'. Found 'id', 'b'. Name one of them with --text-column.$"),
        (["id", "b"], None, r"^a.csv: no text column. Found 'id', 'b'. Name it with --text-column.$"),
        ([f"c{i}" for i in range(9)], None, r"'c7' and more\. Name it"),
        ([], None, r"^a.csv: no text column. Found no columns. "),
    ],
)
def test_choose_text_column_says_what_it_found(columns, wanted, message):
    with pytest.raises(DataError, match=message):
        choose_text_column("a.csv", columns, records(columns, [["1"] * len(columns)]), wanted)


def test_batches_can_begin_anywhere(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + "".join(f"{i},one two three\n" for i in range(10)) + "10,a,b,c\n")
    parts = list(open_source(path).batches(4, skip=3))
    assert [[row[0] for row in part.rows] for part in parts] == [["3", "4", "5", "6"], ["7", "8", "9", "10"]]
    assert [part.problems for part in parts] == [{}, {3: "4 cells under 2 headers"}]


def test_example_export_is_read():
    source = open_source(Path(__file__).parent.parent / "data" / "examples" / "tickets.csv")
    table = source.table
    assert (source.shape.text_column, table.n_rows) == ("Description", 320)
    assert pd.DataFrame([row for row, _ in table.walk()], columns=table.columns)["Ticket ID"].nunique() == 320


def test_open_source_refuses_a_folder(tmp_path):
    with pytest.raises(DataError, match=r": a folder, not a file. Found a folder. Name its files: .*/\*.csv."):
        open_source(tmp_path)
