import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, detect, read_table, spool
from servicenlp.formats.delimited import detect_delimiter, looks_delimited
from servicenlp.formats.encodings import detect_encoding

TABLE = [["id", "text"], ["1", "The food was cold, and late"], ["2", "Quick and friendly — thank you"]]


def lines(delimiter: str, rows=TABLE) -> str:
    return "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows_of(path, **options) -> list:
    return [row for row, _ in read_table(path, Options(**options)).walk()]


def problems_of(path) -> list:
    return [problem for _, problem in read_table(path, Options()).walk()]


@pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ","), ("tsv", "\t"), ("csv", ";"), ("csv", "|"), ("tab", "\t"), ("csv", "\t")])
def test_read_table_reads_delimited_files(write, suffix, delimiter):
    table = read_table(write(f"a.{suffix}", lines(delimiter)), Options())
    assert (table.columns, table.n_rows) == (["id", "text"], 2)
    assert [row for row, _ in table.walk()] == TABLE[1:]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_read_table_detects_the_encoding(write, encoding):
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    path = write("a.csv", marks.get(encoding, b"") + lines(",").encode(encoding))
    assert read_table(path, Options()).columns == ["id", "text"]
    assert rows_of(path) == TABLE[1:]


@pytest.mark.parametrize("cell", ["naïve café", "“quoted” – £5", "Größe"])
def test_read_table_reads_windows_letters(write, cell):
    assert rows_of(write("a.csv", f"id,text\n1,{cell} was cold\n".encode("cp1252"))) == [["1", f"{cell} was cold"]]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_read_table_reads_utf16_without_its_mark(write, encoding):
    assert rows_of(write("a.csv", lines(",").encode(encoding))) == TABLE[1:]


@pytest.mark.parametrize(
    ("encoding", "cell"),
    [
        ("cp932", "返金がまだ届きません。もう三週間です。"),
        ("gb18030", "包裹三周没到，没人回复我的邮件。"),
        ("cp949", "택배가 아직 안 왔어요. 삼주째 기다립니다."),
        ("cp1251", "Посылка не пришла уже две недели, никто не отвечает на письма"),
        ("cp1253", "Το δέμα δεν ήρθε ποτέ και κανείς δεν απαντά"),
        ("cp1255", "החבילה לא הגיעה עד היום ואף אחד לא עונה לי. שירות גרוע מאוד, אני רוצה את הכסף בחזרה"),
        ("cp1250", "Paczka nie dotarła, nikt nie odpowiada, żałuję że kupiłem"),
    ],
)
def test_read_table_reads_letters_of_other_scripts(write, encoding, cell):
    assert rows_of(write("a.csv", ("id;text\n" + f"1;{cell}\n" * 5).encode(encoding))) == [["1", cell]] * 5


def test_read_table_finds_another_script_far_into_a_file(write):
    content = b"id;text\n" + b"1;the food was cold\n" * 80_000 + "2;返金がまだ届きません。もう三週間です。\n".encode("cp932")
    assert rows_of(write("a.csv", content))[-1] == ["2", "返金がまだ届きません。もう三週間です。"]


def test_read_table_refuses_bytes_that_are_no_text(write):
    with pytest.raises(DataError, match=r"a.csv: not a table or a text. Found bytes of some other kind. Export the data as CSV."):
        read_table(write("a.csv", bytes(range(256)) * 20), Options())


def test_read_table_refuses_an_empty_file_of_no_known_kind(write):
    with pytest.raises(DataError, match=r"stdin: the file is empty. Found no words in it. Export it again."):
        read_table(write("stdin", b""), Options())


def test_read_table_reads_what_no_encoding_has(write):
    assert len(rows_of(write("a.csv", b"id,text\n1,cold \x81\xff food here\n"))) == 1


def test_read_table_finds_a_letter_far_into_a_file(write):
    content = b"id,text\n" + b"1,the food was cold\n" * 80_000 + "2,café was cold\n".encode()
    assert rows_of(write("a.csv", content))[-1] == ["2", "café was cold"]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('id,text\n1,"one\ntwo\r\nthree"\n', [["1", "one\ntwo\r\nthree"]]),
        ('id,text\n1,"said ""no"" twice"\n', [["1", 'said "no" twice']]),
        ("id,text\r\n1,one two three\r\n", [["1", "one two three"]]),
        ("id,text\n1,one two three", [["1", "one two three"]]),
        ("id,text\n1,one\x00two three\n", [["1", "one\x00two three"]]),
        ("id,text\n 1 , one two three \n", [[" 1 ", " one two three "]]),
        ("id,text\n1,one two three\n\n2,four five six\n", [["1", "one two three"], ["", ""], ["2", "four five six"]]),
        ("id,text\n1,\n2,one two three\n", [["1", ""], ["2", "one two three"]]),
        ("id,text\n007,NA null nan\n", [["007", "NA null nan"]]),
        ("text\none two three\n", [["one two three"]]),
    ],
)
def test_read_table_keeps_every_cell(write, content, rows):
    assert rows_of(write("a.csv", content)) == rows


def test_read_table_numbers_repeated_headers_and_keeps_the_names(write):
    table = read_table(write("a.csv", "id,text,id,,\n1,one two three,2,3,4\n"), Options())
    assert table.columns == ["id", "text", "id.2", "(column 4)", "(column 5)"]
    assert table.header == ["id", "text", "id", "", ""]


@pytest.mark.parametrize("header", ["id,id,id.2,text", "a.2,a,a,text"])
def test_read_table_names_each_column_once(write, header):
    columns = read_table(write("a.csv", f"{header}\n1,2,3,one two three\n"), Options()).columns
    assert len(set(columns)) == 4


def test_read_table_tells_of_ragged_rows(write):
    path = write("a.csv", "id,text\n1,one two three,surplus\n2\n3,four five six\n")
    assert read_table(path, Options()).columns == ["id", "text", "(column 3)"]
    assert rows_of(path) == [["1", "one two three", "surplus"], ["2", "", ""], ["3", "four five six", ""]]
    assert problems_of(path) == ["3 cells under 2 headers", None, None]


def test_read_table_reads_a_cell_of_a_million_characters(write):
    assert len(rows_of(write("a.csv", f"id,text\n1,{'late ' * 200_000}\n"))[0][1]) == 1_000_000


def test_read_table_of_a_header_alone_has_no_rows(write):
    table = read_table(write("a.csv", "id,text\n"), Options())
    assert (table.n_rows, table.columns, list(table.walk())) == (0, ["id", "text"], [])


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf"])
def test_read_table_refuses_an_empty_file(write, content):
    with pytest.raises(DataError, match=r"a.csv: the file is empty. Found no header. Export it again."):
        read_table(write("a.csv", content), Options())


def test_read_table_passes_over_blank_lines_before_the_header(write):
    assert read_table(write("a.csv", "\n\nid,text\n1,one two three\n"), Options()).columns == ["id", "text"]


def test_read_table_says_where_there_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: no such file. Found nothing there. Check the name."):
        read_table(tmp_path / "none.csv", Options())


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_read_table_refuses_an_unknown_encoding(write, name):
    path = write(name, '{"text": "one two three"}\n')
    with pytest.raises(DataError, match="--encoding: no such encoding. Found 'klingon'. Try utf-8, utf-16 or cp1252"):
        rows_of(path, encoding="klingon")


def test_read_table_refuses_a_delimiter_of_two_characters(write):
    with pytest.raises(DataError, match=r"a.csv: cannot be read as a delimited file. Found: .*Name --encoding or --delimiter."):
        rows_of(write("a.csv", lines(",")), delimiter=";;")


def test_read_table_says_that_a_file_may_not_be_read(write, monkeypatch):
    path = write("a.csv", lines(","))

    def refuse(*_args, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a.csv: cannot be read. Found: Permission denied. Check its permissions."):
        read_table(path, Options())


def test_read_table_takes_the_encoding_and_delimiter_given(write):
    path = write("a.csv", "id~text\n1~caf\xe9 was cold\n".encode("latin-1"))
    assert rows_of(path, encoding="latin-1", delimiter="~") == [["1", "café was cold"]]


def test_read_table_reads_json_lines_with_missing_keys_and_a_broken_line(write):
    path = write("a.jsonl", '{"id": 1, "text": "one two three"}\n\n{"id": 2,\n{"text": null, "more": [1, {"a": "b"}]}\n')
    assert read_table(path, Options()).columns == ["id", "text", "(unread line)", "more"]
    assert rows_of(path) == [
        [1, "one two three", MISSING, MISSING],
        [MISSING, MISSING, '{"id": 2,', MISSING],
        [MISSING, None, MISSING, [1, {"a": "b"}]],
    ]
    assert problems_of(path) == [None, "not a JSON object", None]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "export"])
def test_read_table_reads_a_json_array(write, name):
    rows = [{"id": 1, "text": "one two three"}, {"id": 2, "text": "four five six"}]
    assert rows_of(write(name, json.dumps(rows, indent=1))) == [[1, "one two three"], [2, "four five six"]]


def test_read_table_reads_one_json_object(write):
    assert rows_of(write("a.json", '{"id": 1,\n "text": "one two three"}')) == [[1, "one two three"]]


@pytest.mark.parametrize("line", ['"x"', "7", "[1]", "null", "[" * 5000, "{" + "9" * 5000])
def test_read_table_keeps_json_lines_that_are_no_objects(write, line):
    path = write("a.jsonl", f'{{"text": "one two three"}}\n{line}\n')
    assert rows_of(path)[1] == [MISSING, line]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a.jsonl: no JSON objects. Found an empty file. Give one object a line."),
        ("hello\nthere\n", r"a.jsonl: no JSON objects. Found 2 lines of something else. Give one object a line."),
    ],
)
def test_read_table_refuses_json_lines_without_objects(write, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write("a.jsonl", content), Options())


def test_read_table_reads_parquet_with_its_types(tmp_path):
    given = pa.table({"id": pa.array([1, None], pa.int32()), "text": ["one two three", None], "when": [datetime(2026, 1, 5), None]})
    pq.write_table(given, tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet", Options())
    assert table.schema == given.schema
    assert [row for row, _ in table.walk()] == [[1, "one two three", datetime(2026, 1, 5)], [None, None, None]]


def test_read_table_refuses_what_is_no_parquet(write):
    with pytest.raises(DataError, match=r"a.parquet: not a Parquet file. Found: .*Export it again."):
        read_table(write("a.parquet", b"hello"), Options())


@pytest.fixture
def workbook(tmp_path):
    def save(rows, cells=None) -> Path:
        book = Workbook()
        for row in rows:
            book.active.append(row)
        for place, value in (cells or {}).items():
            book.active[place] = value
        book.save(tmp_path / "a.xlsx")
        return tmp_path / "a.xlsx"

    return save


def test_read_table_reads_the_first_sheet_with_its_values(workbook):
    path = workbook([["id", "text", "when"], [1, "one two three", datetime(2026, 1, 5)], [2.5, None, True]])
    assert read_table(path, Options()).columns == ["id", "text", "when"]
    assert rows_of(path) == [[1, "one two three", datetime(2026, 1, 5)], [2.5, None, True]]


def test_read_table_reads_formulas_as_their_text(workbook):
    path = workbook([["text", "sum"], ["one two three", "=1+1"], ["four five six", None]], {"B3": ArrayFormula("B3:B3", "=SUM(A1:A2)")})
    assert [row[1] for row in rows_of(path)] == ["=1+1", "=SUM(A1:A2)"]


def test_read_table_keeps_surplus_cells_of_a_workbook(workbook):
    path = workbook([["id", "text"], [1, "one two three", "surplus"], [2, "four five six"]])
    assert [row[2] for row in rows_of(path)] == ["surplus", None]


def test_read_table_numbers_repeated_headers_of_a_workbook(workbook):
    columns = read_table(workbook([["id", "text", "id"], [1, "one two three", 2]]), Options()).columns
    assert len(set(columns)) == 3


def test_read_table_refuses_an_empty_workbook(workbook):
    with pytest.raises(DataError, match=r"a.xlsx: the first sheet is empty. Found no header. Put the table on the first sheet."):
        read_table(workbook([]), Options())


@pytest.mark.parametrize("content", [b"hello", b"", b"PK\x03\x04 broken"])
def test_read_table_refuses_what_is_no_workbook(write, content):
    with pytest.raises(DataError, match=r"a.xlsx: not an XLSX workbook. Found: .*Save it again as .xlsx."):
        read_table(write("a.xlsx", content), Options())


def test_read_table_takes_plain_text_as_one_interaction(write):
    assert rows_of(write("a.txt", "one\r\ntwo, three\n")) == [["a.txt", "one\r\ntwo, three\n"]]


@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (lines(",").encode(), "delimited"),
        (lines(";").encode("utf-8-sig"), "delimited"),
        (lines(",").encode("utf-16"), "delimited"),
        (b'\n {"text": 1}', "json_rows"),
        (b"[\n {}]", "json_rows"),
        (b'[{"text": 1}]', "json_rows"),
        (b"PAR1....", "parquet"),
        (b"PK\x03\x04...", "workbook"),
        (b"Dear all, the room was cold, dirty and dark.\nWe left.", "plain"),
        (b"", "plain"),
    ],
)
def test_detect_knows_a_format_by_its_content(write, content, reader):
    assert detect(write("export", content)) == reader


def test_spool_copies_a_stream(tmp_path):
    assert spool(io.BytesIO(b"x" * 3_000_000), str(tmp_path)).stat().st_size == 3_000_000


@pytest.mark.parametrize(("head", "delimiter"), [("a;b\n1,2,3;4\n", ";"), ("a|b\n1|2\n", "|"), ("a\n1\n", ","), ("", ",")])
def test_detect_delimiter_takes_the_one_whose_rows_agree(head, delimiter):
    assert detect_delimiter(head) == delimiter


@pytest.mark.parametrize(("part", "encoding"), [("Zoë ✓ 👍 naïve café".encode(), "utf-8"), ("Zoë naïve café".encode("cp1252"), "cp1252")])
def test_a_broken_byte_does_not_change_the_encoding_of_a_file(write, part, encoding):
    assert detect_encoding(write("a.csv", b"id,text\n" + b"1,late again\n2," + part + b"\n3,a \xed\xa0 b\n")) == encoding


def test_detect_encoding_bears_a_letter_cut_by_the_sample(write):
    assert detect_encoding(write("a", b"a" * 65535 + "é".encode())) == "utf-8"


def test_looks_delimited_is_not_taken_in_by_a_letter():
    assert not looks_delimited(b"Dear team,\nI wrote, twice, about the boiler.\n")


def test_a_quotation_mark_that_is_not_closed_swallows_no_rows(write):
    """But one within a cell of two lines is the cell's own."""
    lines = ["id,text,from", '1,"It never came,x', "2,Nobody rang,y", '3,"Hello,\nthey said "no" to me",z', '4,"Fine, thanks",z']
    table = read_table(write("a.csv", ("\n".join(lines) + "\n").encode()), Options())
    rows = [row for row, _ in table.walk()]
    assert [row[:2] for row in rows] == [
        ["1", '"It never came'],
        ["2", "Nobody rang"],
        ["3", 'Hello,\nthey said no" to me"'],
        ["4", "Fine, thanks"],
    ]
    assert (table.n_rows, list(table.lines())) == (4, [2, 3, 4, 6])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"a": "x"}{"a": "y"}', ["x", "y"]),
        ('{\n "a": "x"\n}\n{\n "a": "y"\n}\n', ["x", "y"]),
        ('[\n {\n  "a": "x"\n },\n {\n  "a": "y"\n }', ["x", "y"]),
        ('[\n {\n  "a": "x"\n },\n {\n  "a": "y', ["x", MISSING]),
        ('{"a": "x"} oh\n{"a": "y"}\n', [MISSING, "y"]),
    ],
)
def test_objects_one_after_the_other_or_cut_are_rows(write, text, rows):
    table = read_table(write("a.json", text.encode()), Options())
    assert [row[table.columns.index("a")] for row, _ in table.walk()] == rows
    assert table.n_rows == len(rows)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("no;yorum\n1;Bardak kırık geldi, kimse cevap vermiyor\n2;Çok teşekkürler, çok hızlı\n", "cp1254"),
        ("id,comment\n1,It’s broken\n2,The café was closed\n", "mac_roman"),
        ("id,komentář\n1,Zásilka nepřišla a nikdo mi neodpověděl\n", "cp1250"),
        ("id,panasz\n1,A pohár törötten jött meg, dühös vagyok és nem felelősek, gyűlölöm\n", "cp1250"),
        ("id,comment\n1,Þetta kom brotið og enginn svarar mér á bréfin mín\n", "cp1252"),
    ],
)
def test_encodings_alike_are_told_apart_by_their_letters(write, text, encoding):
    assert read_table(write("a.csv", text.encode(encoding)), Options()).form.split(", ")[1] == encoding


def test_an_empty_array_is_told(write):
    with pytest.raises(DataError, match="no JSON objects. Found an empty file."):
        read_table(write("a.json", b"[]"), Options())


@pytest.mark.parametrize(
    "document",
    [
        {"columns": ["a"], "index": [0, 1], "data": [["x"], ["y"]]},
        {"a": {"0": "x", "1": "y"}},
        {"data": {"tickets": {"edges": [{"cursor": "1", "node": {"a": "x"}}, {"cursor": "2", "node": {"a": "y"}}]}}},
        {"data": {"reviews": {"nodes": [{"a": "x"}, {"a": "y"}], "pageInfo": {}}}},
        {"Items": [{"a": "x"}, {"a": "y"}], "Count": 2},
        {"_results": [{"a": "x"}, {"a": "y"}]} | {"values": [{"a": "x"}, {"a": "y"}]},
        {"17": {"a": "x"}, "18": {"a": "y"}},
        ["x", "y"],
    ],
)
def test_rows_are_found_however_they_are_wrapped(write, document):
    table = read_table(write("a.json", json.dumps(document).encode()), Options())
    assert [row[-1] for row, _ in table.walk()] == ["x", "y"]
