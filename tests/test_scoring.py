import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from servicenlp import streaming
from servicenlp.columns import COLUMNS, FLAGS, KINDS
from servicenlp.errors import DataError, ModelError
from servicenlp.readers import open_source
from servicenlp.scoring import Scorer, score_frame, score_texts
from servicenlp.streaming import Choices, score_files
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, TARGETS, values

COLD = "The waiter was rude and the food was cold"
LOVELY = "Marta was lovely and sorted it in two minutes"
EXAMPLE = Path(__file__).parent.parent / "data" / "examples" / "tickets.csv"


def score(model, output: Path | None, *inputs: Path, stdout=None, workers=1, **choices) -> Path | None:
    sources = [open_source(path) for path in inputs]
    for _ in score_files(Scorer(model), sources, output, stdout or io.StringIO(), Choices(**choices), workers=workers):
        pass
    return output


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture
def tickets(tmp_path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(f'id,text,id\n1,{COLD},x\n2,,y\n3,12345,z\n4,"{LOVELY}, thanks",w\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (COLD, "scored"),
        ("", "skipped: no text"),
        (" \n\t", "skipped: no text"),
        (None, "skipped: no text"),
        (float("nan"), "skipped: no text"),
        (pd.NA, "skipped: no text"),
        (pd.NaT, "skipped: no text"),
        (["a"], "skipped: not a text"),
        ("12345", "skipped: no words"),
        ("!!! ???", "skipped: no words"),
        ("N/A", "skipped: no text"),
        (" none. ", "skipped: no text"),
        (5, "skipped: not a text"),
        (4.5, "skipped: not a text"),
        ("Bot: rate us from one to ten", "skipped: no customer words"),
        ("Agent: how may I help?", "skipped: no customer words"),
        ("Agent: how may I help?\nCustomer: ", "skipped: no customer words"),
        ("دعم سيئ", "skipped: other language (Arabic)"),
        ("zxqv", "skipped: no known words"),
        ("Agent: how may I help?\nCustomer: zxqv", "scored"),
    ],
)
def test_score_texts_says_what_was_done(model, text, status):
    columns = score_texts(model, [text])
    assert columns["status"] == [status]
    assert (columns["level"] == [None]) == status.startswith("skipped")


def test_score_texts_of_nothing_gives_empty_columns(model):
    assert score_texts(model, []) == {name: [] for name in COLUMNS}


def test_score_texts_needs_a_model_of_levels(model):
    partial = type(model)().fit(["bad thing here", "good thing here"] * 6, {"cause": ["none", "process"] * 6})
    with pytest.raises(ModelError, match=r"^Model: does not predict the level. Found other targets only. Train it on data with a column"):
        score_texts(partial, [COLD])


def test_score_texts_skips_known_problems(model):
    assert score_texts(model, [COLD, COLD], {1: "not a JSON object"})["status"] == ["scored", "skipped: not a JSON object"]


def test_score_texts_fills_every_column(model, interactions):
    columns = score_texts(model, ["", *interactions["text"]])
    assert list(columns) == COLUMNS
    assert {len(cells) for cells in columns.values()} == {61}
    assert [name for name in COLUMNS if columns[name][0] is not None] == ["status"]


def test_score_texts_is_consistent_with_itself(model, interactions):
    columns = score_texts(model, interactions["text"].tolist())
    proba = np.array([columns[f"p_level_{k}"] for k in range(1, 7)]).T
    names = {label.value: label.name for label in LEVELS}
    assert proba.sum(axis=1) == pytest.approx(np.ones(60), abs=0.001)
    assert (proba @ np.arange(1, 7)) == pytest.approx(columns["expected_level"], abs=0.005)
    assert columns["level_name"] == [names[level] for level in columns["level"]]
    assert columns["level"] == model.predict(interactions["text"]).tolist()


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "level"])
def test_score_texts_agrees_with_the_model(model, interactions, target):
    columns = score_texts(model, interactions["text"].tolist())
    assert columns[target] == model.predict_frame(interactions["text"])[target].tolist()
    assert set(columns[target]) <= set(values(target))


@pytest.mark.parametrize("name", KINDS)
def test_score_texts_numbers_are_plain(model, name):
    assert {type(cell) for cell in score_texts(model, [COLD, ""])[name]} == {KINDS[name], type(None)}


def test_score_texts_raises_flags_that_fit(model, learned):
    columns = score_texts(model, learned["text"].tolist())
    rows = [{name: cells[i] for name, cells in columns.items()} for i in range(len(learned))]
    raised = [set(row["flags"].split("|")) - {""} for row in rows]
    failed = [any(row[category] == "failed" for category in CATEGORY_NAMES) for row in rows]
    assert [("criminal" in flags) for flags in raised] == [row["level"] == 1 for row in rows]
    assert [("extra-mile" in flags) for flags in raised] == [row["level"] >= 5 for row in rows]
    assert [("churn-risk" in flags) for flags in raised] == [row["relationship"] == "failed" for row in rows]
    assert [("company-first" in flags) for flags in raised] == [row["interest"] == "company" for row in rows]
    assert [("needs-review" in flags) for flags in raised] == [row["confidence"] == "low" for row in rows]
    assert [("recovered" in flags) for flags in raised] == [row["level"] >= 3 and bad for row, bad in zip(rows, failed, strict=True)]
    assert set().union(*raised) <= set(FLAGS)


def test_score_texts_of_a_batch_is_that_of_each_alone(model, interactions):
    texts = [":) thanks", *interactions["text"][::4]]
    batch, alone = score_texts(model, texts), [score_texts(model, [text]) for text in texts]
    exact = [name for name in COLUMNS if KINDS.get(name) is not float]
    assert {name: batch[name] for name in exact} == {name: [one[name][0] for one in alone] for name in exact}


def test_score_texts_leaves_targets_empty_that_the_model_lacks(model):
    partial = type(model)(criminal_cost=1).fit(["bad thing here", "good thing here"] * 6, [1, 4] * 6)
    assert score_texts(partial, [COLD])["primary"] == [None]


def test_score_frame_keeps_rows_columns_and_index(model):
    table = pd.DataFrame({"n": [1.5, None, 3], "body": [COLD, None, LOVELY]}, index=["a", "b", "a"])
    scored = score_frame(table, text="body", model=model)
    pd.testing.assert_frame_equal(scored[["n", "body"]], table)
    assert scored.service_status.tolist() == ["scored", "skipped: no text", "scored"]
    assert list(scored)[2:] == [f"service_{name}" for name in COLUMNS]


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category"])
def test_score_frame_takes_text_of_any_type(model, dtype):
    table = pd.DataFrame({"text": pd.Series([COLD, None], dtype=dtype)})
    assert score_frame(table, model=model).service_status.tolist() == ["scored", "skipped: no text"]


def test_score_frame_of_no_rows_has_our_columns(model):
    assert list(score_frame(pd.DataFrame({"text": []}), model=model, prefix="x_"))[1:] == [f"x_{name}" for name in COLUMNS]


def test_score_frame_says_where_the_column_is_missing(model):
    with pytest.raises(DataError, match=r"^DataFrame: no column 'text'. Found 'body'. Name it with text=.$"):
        score_frame(pd.DataFrame({"body": [COLD]}), model=model)


def test_score_frame_refuses_a_table_that_is_scored(model):
    scored = score_frame(pd.DataFrame({"text": [COLD]}), model=model)
    with pytest.raises(DataError, match=r"^DataFrame: already has columns of ours. Found 'service_level', .* Score what is not"):
        score_frame(scored, model=model)
    assert "again_level" in score_frame(scored, model=model, prefix="again_")


def test_score_files_keeps_repeated_headers_in_csv(model, tickets, tmp_path):
    rows = read_csv(score(model, tmp_path / "out.csv", tickets))
    assert rows[0][:4] == ["id", "text", "id", "service_level"]
    assert [row[:3] for row in rows[1:]] == [["1", COLD, "x"], ["2", "", "y"], ["3", "12345", "z"], ["4", f"{LOVELY}, thanks", "w"]]
    assert [row[-2] for row in rows[1:]] == ["scored", "skipped: no text", "skipped: no words", "scored"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".xlsx"])
def test_score_files_keeps_every_value_of_repeated_headers(model, tickets, tmp_path, suffix):
    scored = open_source(score(model, tmp_path / f"out{suffix}", tickets)).table
    assert [[row[0], row[2]] for row, _ in scored.walk()] == [["1", "x"], ["2", "y"], ["3", "z"], ["4", "w"]]


def test_score_files_keeps_surplus_cells_and_skips_the_row(model, tmp_path):
    (tmp_path / "a.csv").write_text(f"id,text\n1,{COLD},surplus\n2\n3,{COLD}\n\n4,{COLD}\n")
    rows = read_csv(score(model, tmp_path / "out.csv", tmp_path / "a.csv"))
    assert rows[0][:4] == ["id", "text", "(column 3)", "service_level"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "", "4"]
    assert [row[-2] for row in rows[1:]] == ["skipped: 3 cells under 2 headers", "skipped: no text", "scored", "skipped: no text", "scored"]


def test_score_files_keeps_a_broken_json_line(model, tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"text": "{COLD}", "n": 1}}\n{{"text": \n{{"text": 5}}\n')
    rows = read_lines(score(model, tmp_path / "out.jsonl", tmp_path / "a.jsonl"))
    assert [row["service_status"] for row in rows] == ["scored", "skipped: not a JSON object", "skipped: not a text"]
    assert rows[1]["(unread line)"] == '{"text": '
    assert "n" not in rows[2]


@pytest.mark.parametrize(("source", "rows"), [("csv", "id,text\n"), ("tsv", "id\ttext\n")])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_score_files_of_a_header_alone_writes_a_header(model, tmp_path, source, rows, suffix):
    (tmp_path / f"a.{source}").write_text(rows)
    table = open_source(score(model, tmp_path / f"out{suffix}", tmp_path / f"a.{source}")).table
    assert (table.columns[:2], len(table.columns), table.n_rows) == (["id", "text"], 2 + len(COLUMNS), 0)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
def test_score_files_twice_gives_the_same_bytes(model, tickets, tmp_path, suffix):
    first = score(model, tmp_path / f"first{suffix}", tickets).read_bytes()
    assert score(model, tmp_path / f"second{suffix}", tickets).read_bytes() == first


def test_score_files_gives_the_same_bytes_whatever_the_batches(model, tickets, tmp_path, monkeypatch):
    first = score(model, tmp_path / "first.csv", tickets).read_bytes()
    monkeypatch.setattr(streaming, "BATCH", 1)
    assert score(model, tmp_path / "second.csv", tickets).read_bytes() == first


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_score_files_gives_the_same_bytes_whatever_the_workers(model, tmp_path, monkeypatch, suffix):
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps({"text": COLD, f"n{i % 2}": i}) + "\n" for i in range(50)))
    first = score(model, tmp_path / f"first{suffix}", EXAMPLE, lines).read_bytes()
    monkeypatch.setattr(streaming, "BATCH", 20)
    assert score(model, tmp_path / f"second{suffix}", EXAMPLE, lines, workers=2).read_bytes() == first


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_score_files_gives_the_same_rows_whatever_the_workers(model, tmp_path, monkeypatch, suffix):
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps({"text": COLD, f"n{i % 2}": i}) + "\n" for i in range(50)))
    first = score(model, tmp_path / f"first{suffix}", lines)
    monkeypatch.setattr(streaming, "BATCH", 20)
    second = score(model, tmp_path / f"second{suffix}", lines, workers=2)
    assert list(open_source(second).table.walk()) == list(open_source(first).table.walk())


def test_score_files_keeps_parquet_types(model, tmp_path):
    given = pa.table({"id": pa.array([1, None], pa.int16()), "text": pa.array([COLD, None], pa.large_string()), "n": [[1.5], None]})
    pq.write_table(given, tmp_path / "a.parquet")
    scored = pq.read_table(score(model, tmp_path / "out.parquet", tmp_path / "a.parquet"))
    assert scored.select([0, 1, 2]).equals(given)
    assert {str(scored.schema.field(f"service_{name}").type) for name in KINDS} == {"int64", "double"}


def test_score_files_writes_formulas_of_a_workbook_as_text(model, tmp_path):
    book = Workbook()
    for row in (["text", "sum"], [COLD, "=1+1"], ["=HYPERLINK(A1)", 2]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    sheet = load_workbook(score(model, tmp_path / "out.xlsx", tmp_path / "a.xlsx")).active
    assert (sheet["B2"].value, sheet["B2"].data_type, sheet["A3"].data_type, sheet["B3"].value) == ("=1+1", "s", "s", 2)


def test_score_files_puts_several_tables_one_after_the_other(model, tickets, tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps({"more": 1, "text": LOVELY, "id": 9}))
    rows = read_csv(score(model, tmp_path / "out.csv", tickets, tmp_path / "b.jsonl"))
    assert rows[0][:5] == ["id", "text", "id.2", "more", "service_level"]
    assert [row[:4] for row in rows[-2:]] == [["4", f"{LOVELY}, thanks", "w", ""], ["9", LOVELY, "", "1"]]


def test_score_files_puts_tables_of_other_types_into_one_parquet(model, tickets, tmp_path):
    pq.write_table(pa.table({"id": [7], "text": [COLD]}), tmp_path / "a.parquet")
    rows = pq.read_table(score(model, tmp_path / "out.parquet", tmp_path / "a.parquet", tickets)).to_pylist()
    assert [str(row["id"]) for row in rows] == ["7", "1", "2", "3", "4"]


@pytest.mark.parametrize("name", ["criminal", "basic", "expected", "desired", "needs-review", "churn-risk"])
def test_score_files_writes_only_what_is_asked_for(model, tmp_path, name):
    everything = read_lines(score(model, tmp_path / "all.jsonl", EXAMPLE))
    some = read_lines(score(model, tmp_path / "some.jsonl", EXAMPLE, only=[name]))
    wanted = [row for row in everything if row["service_level_name"] == name or name in (row["service_flags"] or "").split("|")]
    assert some == wanted


@pytest.mark.parametrize("name", ["crimnal", "scored", ""])
def test_score_files_refuses_an_unknown_level_or_flag(model, tickets, name):
    with pytest.raises(DataError, match=rf"^--only: no such level or flag. Found '{name}'. Choose from criminal, basic, .*needs-review.$"):
        score(model, None, tickets, only=[name])


def test_score_files_begins_our_names_with_the_prefix(model, tickets, tmp_path):
    assert read_csv(score(model, tmp_path / "out.csv", tickets, prefix=""))[0][3:] == COLUMNS


def test_score_files_refuses_columns_of_ours(model, tickets, tmp_path):
    scored = score(model, tmp_path / "out.csv", tickets)
    with pytest.raises(DataError, match=r"out.csv: already has columns of ours. Found 'service_level', "):
        score(model, tmp_path / "again.csv", scored)
    assert not (tmp_path / "again.csv").exists()


def test_score_frame_says_what_is_wrong(model):
    twice = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(DataError, match="several columns 'text'. Found 2"):
        score_frame(twice, model=model)
    dutch = pd.DataFrame({"text": ["De bezorger was heel vriendelijk en op tijd"]})
    assert score_frame(dutch, any_language=True)["service_status"].tolist() == ["scored"]


def test_labels_alone_on_their_lines_part_speakers(model):
    text = "Customer\nWhere is my parcel\nAgent\nThat is terrible, we lied\nCustomer\nThanks, wonderful\nAgent\nYou are welcome"
    assert score_texts(model, [text])["evidence_turn"] != [0]


def test_score_files_leaves_nothing_behind_after_an_error(model, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BATCH", 100)
    output = tmp_path / "out.csv"
    parts = score_files(Scorer(model), [open_source(EXAMPLE)], output, io.StringIO())
    assert len(next(parts).batch.rows) == 100
    with pytest.raises(RuntimeError, match="in the middle"):
        parts.throw(RuntimeError("in the middle"))
    assert list(tmp_path.iterdir()) == []


def test_score_files_writes_csv_to_stdout(model, tickets):
    stdout = io.StringIO(newline="")
    score(model, None, tickets, stdout=stdout)
    assert len(list(csv.reader(io.StringIO(stdout.getvalue())))) == 5


def test_score_files_gives_the_example_back(model, tmp_path):
    rows = read_csv(score(model, tmp_path / "out.csv", EXAMPLE))
    given = read_csv(EXAMPLE)
    assert len(rows) == 321
    assert [row[: len(given[0])] for row in rows] == given


LETTERS = st.characters(exclude_categories=["Cs"])
CELLS = st.one_of(
    st.sampled_from(["", " ", COLD, "a;b", "a\tb", "a|b", "a,b", '"', '""', "'", "a\nb", "a\r\nb", "a\rb", "\x00", "=1+1", "\ufeff", "😀"]),
    st.text(LETTERS, max_size=12),
)
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6)
ANY_TABLE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY_TABLE
@given(rows=TABLES, delimiter=st.sampled_from([",", ";", "\t", "|"]), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_score_files_gives_every_csv_row_back(model, tmp_path, rows, delimiter, encoding):
    rows = [list(row) for row in rows] + [["last", COLD, "end"]]
    with (tmp_path / "a.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([["id", "text", "id"], *rows])
    scored = read_csv(score(model, tmp_path / "out.csv", tmp_path / "a.csv"))
    assert [row[:3] for row in scored] == [["id", "text", "id"], *rows]
    assert {len(row) for row in scored} == {3 + len(COLUMNS)}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), CELLS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(CELLS, inner, max_size=3)),
    max_leaves=5,
)
KEYS = st.one_of(st.sampled_from(["id", "n", "text", ""]), st.text(LETTERS, max_size=5))


@ANY_TABLE
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=6))
def test_score_files_gives_every_json_line_back(model, tmp_path, rows):
    rows = [*rows, {"id": 1, "text": COLD}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored = read_lines(score(model, tmp_path / "out.jsonl", tmp_path / "a.jsonl"))
    assert [{key: value for key, value in row.items() if not key.startswith("service_")} for row in scored] == rows


def test_score_files_masks_every_cell_and_what_is_judged(model, tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"text": "My name is Dana Reed, dana@home.example, and the food was cold", "who": {"mail": ["dana@home.example"]}, "n": 5}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    [row] = read_lines(score(model, tmp_path / "out.jsonl", path, redact=True))
    assert row["text"] == "My name is [NAME], [EMAIL], and the food was cold"
    assert (row["who"], row["n"]) == ({"mail": ["[EMAIL]"]}, 5)
    assert row["text"][row["service_evidence_start"] : row["service_evidence_end"]] == row["service_evidence"]


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1"])
def test_score_files_writes_formulas_as_text_if_asked(model, tmp_path, cell):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], [cell, COLD], ["-5", COLD], ["+1,000.5%", COLD]])
    safe = read_csv(score(model, tmp_path / "safe.csv", tmp_path / "a.csv", excel_safe=True))
    assert [row[0] for row in safe[1:]] == [f"'{cell}", "-5", "+1,000.5%"]
    assert read_csv(score(model, tmp_path / "out.csv", tmp_path / "a.csv"))[1][0] == cell


def test_score_texts_skips_other_languages_unless_asked(model):
    german = "Der Kellner war sehr unfreundlich und das Essen war leider kalt, wir kommen nicht wieder."
    assert score_texts(model, [german, COLD])["status"] == ["skipped: other language (German)", "scored"]
    assert Scorer(model, any_language=True).score([german, COLD], {}, {}).status[1] == "scored"
    assert "language" not in Scorer(model, any_language=True).score([german], {}, {}).status[0]
