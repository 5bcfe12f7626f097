import csv
import gc
import io
import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from servicenlp.errors import DataError
from servicenlp.formats import MISSING
from servicenlp.writers import FORMATS, Layout, open_writer

COLUMNS = ["id", "text"]


def opened(path: Path | None, columns=COLUMNS, schema=None, kinds=None, stdout=None):
    return open_writer(path, Layout(columns, kinds or {}, schema), stdout or io.StringIO())


def written(path: Path, rows, columns=COLUMNS, schema=None, kinds=None) -> Path:
    with opened(path, columns, schema, kinds) as writer:
        for row in rows:
            writer.write([row])
    return path


def break_off(path: Path) -> None:
    """Fail in the middle of writing."""
    with opened(path) as writer:
        writer.write([["1", "one"]])
        raise RuntimeError("in the middle")


@pytest.mark.parametrize("suffix", FORMATS)
def test_open_writer_shows_the_file_only_when_all_is_written(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with opened(path) as writer:
        writer.write([["1", "one"]])
        assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_open_writer_leaves_nothing_behind_after_an_error(tmp_path, suffix):
    with pytest.raises(RuntimeError, match="in the middle"):
        break_off(tmp_path / f"out{suffix}")
    gc.collect()  # what was left open would be noticed here
    assert list(tmp_path.iterdir()) == []


def test_open_writer_keeps_the_old_file_after_an_error(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="in the middle"):
        break_off(path)
    assert path.read_text() == "old"


def test_open_writer_replaces_an_old_file(tmp_path):
    (tmp_path / "out.csv").write_text("old")
    assert written(tmp_path / "out.csv", [["1", "one"]]).read_text() == "id,text\n1,one\n"


def test_open_writer_gives_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()
    assert written(tmp_path / "out.csv", []).stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.gz"])
def test_open_writer_refuses_other_formats(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}: no such output format. Found .*End the name in .csv, .tsv, .jsonl"):
        written(tmp_path / name, [])


def test_open_writer_says_where_there_is_no_folder(tmp_path):
    with pytest.raises(DataError, match=r"out.csv: cannot be written. Found: No such file or directory. Choose a folder that you may"):
        written(tmp_path / "none" / "out.csv", [])


def test_open_writer_says_where_the_folder_may_not_be_written(tmp_path, monkeypatch):
    def refuse(*_args, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(DataError, match=r"out.csv: cannot be written. Found: Permission denied. Choose a folder that you may write to."):
        written(tmp_path / "out.csv", [])


def test_open_writer_says_that_the_disk_is_full(tmp_path):
    with (
        pytest.raises(DataError, match=r"out.csv: cannot be written. Found: No space left on device. Free some space"),
        opened(tmp_path / "out.csv"),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_open_writer_refuses_a_folder_of_that_name(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(DataError, match=r"out.csv: cannot be written. Found: Is a directory."):
        written(tmp_path / "out.csv", [])
    assert os.listdir(tmp_path) == ["out.csv"]


def test_open_writer_without_a_path_writes_csv_to_stdout():
    stdout = io.StringIO()
    with opened(None, stdout=stdout) as writer:
        writer.write([["1", 'a "b", c'], [MISSING, None]])
    assert stdout.getvalue() == 'id,text\r\n1,"a ""b"", c"\r\n,\r\n'


def test_open_writer_separates_tsv_by_tabs(tmp_path):
    assert written(tmp_path / "out.tsv", [["1", "a\tb,c"]]).read_text() == 'id\ttext\n1\t"a\tb,c"\n'


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", "a\r\nb", "\r", "\n"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_csv_quotes_every_line_end(tmp_path, suffix, cell):
    content = written(tmp_path / f"out{suffix}", [["1", cell]]).read_bytes().decode()
    assert f'"{cell}"' in content


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ({"a": [1, "é"]}, '"{""a"": [1, ""é""]}"'),
        (True, "true"),
        (1.5, "1.5"),
        (None, ""),
        (MISSING, ""),
        (date(2026, 1, 5), "2026-01-05"),
        ({"a": date(2026, 1, 5)}, '"{""a"": ""2026-01-05""}"'),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_csv_writes_other_values_as_text(tmp_path, value, cell):
    assert written(tmp_path / "out.csv", [["x", value]]).read_text() == f"id,text\nx,{cell}\n"


def test_json_lines_leave_missing_keys_out(tmp_path):
    path = written(tmp_path / "out.jsonl", [[1, MISSING], [None, {"a": [True, 1.5]}], [2, "é\u2028😀"]])
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [
        {"id": 1},
        {"id": None, "text": {"a": [True, 1.5]}},
        {"id": 2, "text": "é\u2028😀"},
    ]


def test_json_lines_are_utf8_whatever_they_hold(tmp_path):
    path = written(tmp_path / "out.jsonl", [[1, "cold \ud83d food"]])
    assert json.loads(path.read_bytes().decode("utf-8"))["text"] == "cold \ud83d food"


@pytest.mark.parametrize("suffix", FORMATS)
def test_open_writer_bears_half_an_emoji(tmp_path, suffix):
    assert written(tmp_path / f"out{suffix}", [["1", "cold \ud83d food"]]).exists()


def sheet(path: Path):
    return load_workbook(path).active


@pytest.mark.parametrize("cell", ["=1+1", "=cmd|' /C calc'!A0", "=", "+1", "-1", "@a", "#N/A"])
def test_xlsx_writes_formulas_as_text(tmp_path, cell):
    path = written(tmp_path / "out.xlsx", [["1", cell]])
    assert sheet(path)["B2"].value == cell
    assert sheet(path)["B2"].data_type != "f"


def test_xlsx_writes_a_header_that_looks_like_a_formula_as_text(tmp_path):
    assert sheet(written(tmp_path / "out.xlsx", [], ["=1+1", "text"]))["A1"].data_type == "s"


def test_xlsx_keeps_numbers_and_dates(tmp_path):
    path = written(tmp_path / "out.xlsx", [[1, 2.5], [datetime(2026, 1, 5), "x"], [None, MISSING]])
    rows = [[cell.value for cell in row] for row in sheet(path).iter_rows()]
    assert rows == [["id", "text"], [1, 2.5], [datetime(2026, 1, 5), "x"], [None, None]]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 1, 5, tzinfo=UTC), "2026-01-05 00:00:00+00:00"),
        (b"bytes", "bytes"),
        ({"a": date(2026, 1, 5)}, '{"a": "2026-01-05"}'),
        (float("nan"), None),
    ],
    ids=repr,
)
def test_xlsx_bears_values_that_excel_lacks(tmp_path, value, shown):
    assert sheet(written(tmp_path / "out.xlsx", [["1", value]]))["B2"].value == shown


def test_xlsx_cuts_what_excel_cannot_hold(tmp_path):
    path = written(tmp_path / "out.xlsx", [["a\x00\ufffeb", "x" * 40_000]])
    assert sheet(path)["A2"].value == "a\ufffd\ufffdb"
    assert len(sheet(path)["B2"].value) == 32_767


def test_parquet_keeps_the_types_of_its_input(tmp_path):
    schema = pa.schema([("id", pa.int32()), ("when", pa.timestamp("us", "UTC")), ("tags", pa.list_(pa.string()))])
    row = [1, datetime(2026, 1, 5, tzinfo=UTC), ["a"]]
    path = written(tmp_path / "out.parquet", [[*row, 4, 0.5, "x"]], [*schema.names, "n", "p", "t"], schema, {"n": int, "p": float})
    assert pq.read_schema(path).types == [*schema.types, pa.int64(), pa.float64(), pa.string()]
    assert list(pq.read_table(path).to_pylist()[0].values()) == [*row, 4, 0.5, "x"]


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (1, "1"), (True, "true"), ([1], "[1]"), (None, None), (MISSING, None)])
def test_parquet_writes_values_without_a_type_as_text(tmp_path, value, text):
    path = written(tmp_path / "out.parquet", [["1", value]])
    assert pq.read_table(path).to_pylist() == [{"id": "1", "text": text}]


def test_parquet_writes_dates_without_quotes(tmp_path):
    path = written(tmp_path / "out.parquet", [["1", datetime(2026, 1, 5)]])
    assert pq.read_table(path).to_pylist()[0]["text"] == "2026-01-05 00:00:00"


def test_parquet_of_no_rows_has_its_columns(tmp_path):
    assert pq.read_schema(written(tmp_path / "out.parquet", [])).names == COLUMNS


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(st.sampled_from('ab,;\t"\r\n é'), max_size=5))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5))
@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_csv_is_that_of_the_standard_library(tmp_path, rows, suffix, delimiter):
    expected = io.StringIO(newline="")
    csv.writer(expected, delimiter=delimiter, lineterminator="\r\n").writerows([COLUMNS, *rows])
    path = tmp_path / f"out{suffix}"
    with opened(path) as writer:
        writer.write(rows)
    assert path.read_bytes().decode() == expected.getvalue()
