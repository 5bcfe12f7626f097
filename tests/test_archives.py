import bz2
import gzip
import io
import logging
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from servicenlp.errors import DataError
from servicenlp.formats import Options, archive, find_files, read_table
from servicenlp.readers import open_sources

TABLE = b"id,text\n1,The room was cold\n"


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where archives are unpacked."""
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def workbook() -> bytes:
    stream = io.BytesIO()
    book = Workbook()
    book.active.append(["id", "text"])
    book.active.append([1, "The room was cold"])
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(TABLE)),
        ("a.csv", gzip.compress(TABLE)),
        ("a.csv.bz2", bz2.compress(TABLE)),
        ("a.csv.xz", lzma.compress(TABLE)),
        ("a.zip", zipped({"a.csv": TABLE})),
        ("a.csv", zipped({"a.csv": TABLE})),
        ("export", zipped({"b/a.csv": TABLE, "b/": b""})),
        ("a.zip", zipped({"a.csv.gz": gzip.compress(TABLE)})),
        ("a.zip", zipped({"b.zip": zipped({"a.csv": TABLE})})),
        ("a.tar", tarred({"b/a.csv": TABLE})),
        ("a.tgz", gzip.compress(tarred({"a.csv": TABLE}))),
        ("a.tar.gz", gzip.compress(tarred({"a.csv": TABLE}))),
        ("a.zip", zipped({"a.csv": TABLE, "logo.png": b"\x89PNG", "__MACOSX/._a.csv": b"\0", ".hidden.csv": b"", "ReadMe.txt": b"hi"})),
        ("a.zip", zipped({"../../a.csv": TABLE})),
        ("a.zip", zipped({"C:\\b\\a.csv": TABLE})),
        ("a.xlsx.gz", gzip.compress(workbook())),
    ],
)
def test_find_files_unpacks(write, folder, name, content):
    (found,) = find_files(write(name, content), folder)
    assert folder in found.resolve().parents
    table = read_table(found, Options())
    assert [str(cell) for row, _ in table.walk() for cell in row] == ["1", "The room was cold"]


def test_find_files_takes_the_only_file_whatever_its_name(write, folder):
    (found,) = find_files(write("a.zip", zipped({"export-data": TABLE})), folder)
    assert read_table(found, Options()).columns == ["id", "text"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gz", gzip.compress(TABLE)[:-12], r"a.gz: cannot be unpacked. Found: Compressed file ended before .* Pack it again"),
        ("a.gz", b"\x1f\x8b junk" * 9, r"a.gz: cannot be unpacked. Found: "),
        ("a.zip", zipped({"a.csv": TABLE})[:60], r"a.zip: cannot be unpacked. Found: File is not a zip file. Pack it again"),
        ("a.zip", zipped({}), r"a.zip: an empty archive. Found no files in it."),
        ("a.zip", zipped({"a.png": b"", "b.pdf": b""}), r"a.zip: nothing to score in it. Found 'a.png', 'b.pdf'."),
        ("a.7z", b"7z\xbc\xaf\x27\x1c..", r"a.7z: cannot be unpacked. Found a 7z archive. Pack it as .zip or .gz."),
        ("a.rar", b"Rar!\x1a\x07..", r"a.rar: cannot be unpacked. Found a RAR archive."),
    ],
)
def test_find_files_says_what_is_wrong_with_an_archive(write, folder, name, content, message):
    with pytest.raises(DataError, match=message):
        find_files(write(name, content), folder)


def test_find_files_refuses_a_locked_archive(write, folder):
    content = bytearray(zipped({"a.csv": TABLE}))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag of a password
    with pytest.raises(DataError, match=r"a.zip: locked with a password. Found encrypted files. Unpack it, or pack it again without one."):
        find_files(write("a.zip", bytes(content)), folder)


@pytest.mark.parametrize("content", [gzip.compress(bytes(2_000_000)), zipped({"a.csv": bytes(1_500_000), "b.csv": bytes(1_500_000)})])
def test_find_files_refuses_what_would_fill_the_disk(write, folder, monkeypatch, content):
    monkeypatch.setattr(archive, "SMALL", 2 << 20 if content[:2] == b"PK" else 1 << 20)
    with pytest.raises(DataError, match=r"bomb: holds far more than its size. Found over \d+ MB in \d+ KB. Unpack it yourself"):
        find_files(write("bomb", content), folder)


def test_find_files_does_not_follow_archives_for_ever(write, folder):
    content = TABLE
    for _ in range(9):
        content = zipped({"a.zip": content})
    with pytest.raises(DataError, match=r"a.zip: an archive too deep in others. Found 4 around it. Unpack them yourself."):
        find_files(write("a.zip", content), folder)


@pytest.mark.parametrize("packed", [True, False])
def test_a_broken_file_among_others_is_left_out_and_named(write, folder, caplog, packed):
    files = {"a.csv": TABLE, "b.csv": b"", "c.zip": b"PK\x03\x04 broken", "d.xlsx": b"hello", "e.csv": b"id,date\n1,2025-01-01\n"}
    path = write("a.zip", zipped(files)) if packed else [write(name, content) for name, content in files.items()][0].parent
    with caplog.at_level(logging.WARNING):
        (source,) = open_sources([path], folder)
    assert Path(source.table.name).name == "a.csv"
    assert sorted(Path(record.args[0].args[0].split(": ")[0]).name for record in caplog.records) == ["b.csv", "c.zip", "d.xlsx", "e.csv"]


def test_a_folder_of_nothing_but_broken_files_is_refused(write, folder):
    path = write("a.csv", b"")
    write("b.csv", b"")
    with pytest.raises(DataError, match=r"a.csv: the file is empty."):
        open_sources([path.parent], folder)


def test_results_in_a_folder_are_not_scored_again(write, folder):
    path = write("a.csv", TABLE)
    write("scored.csv", b"id,text,service_level,service_status\n1,The room was cold,2,scored\n")
    assert [Path(source.table.name).name for source in open_sources([path.parent], folder)] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", workbook()),
        ("a.xlsx", TABLE),
        ("a.xls", TABLE),
        ("a.json", TABLE),
        ("a.csv", b'{"id": 1, "text": "The room was cold"}\n'),
        ("a.csv", b'[{"id": 1, "text": "The room was cold"}]'),
        ("a.txt", b'{"id": 1, "text": "The room was cold"}\n'),
        ("a.txt", b"id\ttext\n1\tThe room was cold\n"),
        ("a.csv", b"<html><table><tr><th>id</th><th>text</th></tr><tr><td>1</td><td>The room was cold</td></tr></table></html>"),
        ("a.xls", b"<table><tr><th>id</th><th>text</th></tr><tr><td>1</td><td>The room was cold</td></tr></table>"),
    ],
)
def test_read_table_is_not_misled_by_a_suffix(write, name, content):
    table = read_table(write(name, content), Options())
    assert table.columns == ["id", "text"]
    assert [str(cell) for row, _ in table.walk() for cell in row] == ["1", "The room was cold"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"%PDF-1.7", r"a.csv: not a table or a text. Found a PDF. Export it as CSV, or save its text as .txt."),
        ("a.pst", b"!BDN....", r"a.pst: not a table or a text. Found a folder of Outlook's \(.pst\). Export it as .mbox or .eml."),
        ("a.msg", b"\xd0\xcf\x11\xe0", r"a.msg: a mail of Outlook's own kind. Found .msg. Save it as .eml."),
        ("a.csv", b"<!DOCTYPE html><html><body>Sign in</body></html>", r"a.csv: "),
    ],
)
def test_read_table_refuses_other_files(write, name, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write(name, content), Options())
