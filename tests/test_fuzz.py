"""Damaged exports: whatever is done to their bytes, a clear message or every row, and no hang.

More than a test run has time for: ``SERVICENLP_FUZZ=10000 pytest tests/test_fuzz.py``.
"""

import csv
import io
import json
import os
import time
from copy import deepcopy
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicenlp.errors import DataError
from servicenlp.readers import open_sources

EXPORTS = sorted(
    path for path in (Path(__file__).parent / "exports").glob("*/*") if path.is_file() and not path.name.endswith(".expected.json")
)
PIECES = [
    b"",
    b"\0",
    b'"',
    b"'",
    b",",
    b";",
    b"\n",
    b"\r",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"null",
    b"[]",
    b"{}",
    b"}",
    b"]",
    b"-1",
    b"1e999",
]
PIECES += [
    b"<p>",
    b"&#0;",
    b"\xf0\x9f\x98",
    b"\xe2\x80\xae",
    b'"a"',
    b"true",
    b"Customer: ",
    b"9999-99-99T99:99:99Z",
    b"{" * 500,
    b"[" * 3000,
]
DAMAGE = st.tuples(st.sampled_from(["cut", "put", "over", "twice", "drop"]), st.floats(0, 1), st.integers(0, 200), st.sampled_from(PIECES))
LIMIT = 20.0  # seconds for one small file, on a machine that does other things too


def damaged(content: bytes, damage: list[tuple[str, float, int, bytes]]) -> bytes:
    for what, where, length, piece in damage:
        at = int(where * len(content))
        if what == "cut":
            content = content[:at]
        elif what == "put":
            content = content[:at] + piece + content[at:]
        elif what == "over":
            content = content[:at] + piece + content[at + max(1, len(piece)) :]
        elif what == "twice":
            content = content[: at + length] + content[at:]
        else:
            content = content[:at] + content[at + length :]
    return content


ODD = [
    None,
    True,
    -1,
    1e300,
    "",
    " ",
    "null",
    "=1+1",
    "a\nb",
    "\ud800",
    "x" * 3000,
    [],
    {},
    [None],
    [[]],
    {"id": None},
    [{"body": 5}],
    {"a": {"b": {}}},
]
RIGGED = st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(["odd", "drop", "twice", "text"]), st.sampled_from(ODD))


def rigged(value, changes):
    """Change values within a document: what other programs, plans and versions write there, rather than broken bytes."""
    for where, what, odd in changes:
        places = list(_places(value))
        holder, key = places[int(where * len(places))] if places else (None, None)
        if holder is None or (what == "twice" and isinstance(holder, dict)):
            continue
        if what == "drop":
            del holder[key]
        elif what == "twice":
            holder.append(deepcopy(holder[key]))
        else:
            holder[key] = deepcopy(odd) if what == "odd" else json.dumps(holder[key])
    return value


def _places(value):
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def rewritten(export: Path, changes) -> bytes:
    """Return an export with changed values, in the same format."""
    text = export.read_text(encoding="utf-8-sig")
    if export.suffix == ".json":
        return json.dumps(rigged(json.loads(text), changes)).encode()
    if export.suffix == ".jsonl":
        lines = [json.loads(line) for line in text.splitlines() if line.strip().startswith("{")]
        return "\n".join(map(json.dumps, rigged(lines, changes))).encode()
    file = io.StringIO(newline="")
    delimiter = max(",;\t", key=text.count)
    rows = rigged(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), changes)
    csv.writer(file, delimiter=delimiter).writerows(row if isinstance(row, list) else [row] for row in rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def is_writable(export: Path) -> bool:
    try:
        return export.suffix in (".json", ".jsonl", ".csv") and bool(rewritten(export, []))
    except ValueError:
        return False  # broken as it is


def assert_read(path: Path, folder: Path) -> None:
    """Read a file as the commands do: a message that says what was found, or every row; and in time."""
    start = time.monotonic()
    try:
        sources = open_sources([path], folder)
        for source in sources:
            batches = list(source.batches(7))
            assert sum(len(batch.rows) for batch in batches) == source.table.n_rows
            assert all(len(batch.rows) == len(batch.texts) for batch in batches)
            assert {len(row) for batch in batches for row in batch.rows} <= {len(source.table.columns)}
    except DataError as error:
        assert ". Found" in str(error)  # noqa: PT017
    assert time.monotonic() - start < LIMIT


@settings(
    max_examples=int(os.environ.get("SERVICENLP_FUZZ", "300")), derandomize="SERVICENLP_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(export=st.sampled_from(EXPORTS), damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_damaged_export_gives_a_message_or_every_row(tmp_path, export, damage):
    path = tmp_path / export.name
    path.write_bytes(damaged(export.read_bytes(), damage))
    assert_read(path, tmp_path)


@settings(
    max_examples=int(os.environ.get("SERVICENLP_FUZZ", "300")), derandomize="SERVICENLP_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(export=st.sampled_from([export for export in EXPORTS if is_writable(export)]), changes=st.lists(RIGGED, min_size=1, max_size=8))
def test_an_export_with_odd_values_gives_a_message_or_every_row(tmp_path, export, changes):
    path = tmp_path / export.name
    path.write_bytes(rewritten(export, changes))
    assert_read(path, tmp_path)
