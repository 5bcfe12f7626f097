import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from servicenlp.corpus import has_labels, read_corpus, read_interactions
from servicenlp.errors import DataError
from servicenlp.taxonomy import CATEGORY_NAMES, TARGETS

DATA = Path(__file__).parent.parent / "data"
GOOD = {"text": "The food was cold.", "level": 2}


@pytest.fixture
def lines(tmp_path):
    def lines(*rows, name="mine.jsonl") -> Path:
        (tmp_path / name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return tmp_path / name

    return lines


@pytest.mark.parametrize("path", sorted(DATA.glob("*.jsonl")), ids=lambda path: path.stem)
def test_read_corpus_reads_every_line_of_the_data(path):
    table, problems = read_corpus(path)
    assert problems == []
    assert len(table) == path.read_text(encoding="utf-8").count("\n")
    assert set(TARGETS) <= set(table)
    assert table["family"].nunique() > 1


def test_read_corpus_reads_the_interactions_of_the_tests(interactions):
    table = read_corpus(Path(__file__).parent / "interactions.jsonl").table
    assert table["text"].tolist() == interactions["text"].tolist()


def test_read_corpus_fills_weight_family_and_file(lines):
    table = read_corpus(lines(GOOD, GOOD | {"weight": 0.5, "family": "ann"})).table
    assert table["weight"].tolist() == [1.0, 0.5]
    assert table["family"].tolist() == ["mine", "ann"]
    assert table["file"].tolist() == ["mine", "mine"]


def test_read_corpus_takes_empty_cells_for_no_label(tmp_path):
    (tmp_path / "mine.csv").write_text("text,level,primary,weight,family\nThe food was cold,2,,,\nIt was all fine,,none,2,x\n")
    table = read_corpus(tmp_path / "mine.csv").table
    assert table["level"].isna().tolist() == [False, True]
    assert table["primary"].isna().tolist() == [True, False]
    assert (table["weight"].tolist(), table["family"].tolist()) == ([1.0, 2.0], ["mine", "x"])


@pytest.mark.parametrize("level", [2, 2.0, "2", " 2 ", "2.0", "basic", "Basic ", "Level 2", "2 - Basic", "2: basic", "basic (2)"])
def test_read_corpus_takes_a_level_in_any_form(lines, level):
    assert read_corpus(lines({"text": "The food was cold.", "level": level})).table["level"].tolist() == [2]


def test_read_corpus_reads_the_files_of_a_folder_in_order(lines, tmp_path):
    lines(GOOD, name="b.jsonl")
    lines(GOOD, GOOD, name="a.jsonl")
    (tmp_path / "notes.md").write_text("no data")
    assert read_corpus(tmp_path).table["file"].tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"level": 2, "text": ""}, "no text"),
        ({"level": 2, "text": None}, "no text"),
        ({"level": 2, "text": 5}, "no text"),
        ({"level": 2}, "no text"),
        (GOOD | {"level": 7}, "level 7 is not one of 1, 2, 3, 4, 5, 6"),
        (GOOD | {"level": "bad"}, "level 'bad' is not one of 1, 2, 3, 4, 5, 6"),
        (GOOD | {"level": 2.5}, "level 2.5 is not one of"),
        (GOOD | {"level": "3 - basic"}, "level '3 - basic' is not one of"),
        (GOOD | {"level": "-1"}, "level '-1' is not one of"),
        (GOOD | {"level": "²"}, "level '²' is not one of"),
        (GOOD | {"level": True}, "level True is not one of"),
        (GOOD | {"primary": "fail"}, "primary 'fail' is not one of none, failed, delighted"),
        (GOOD | {"weight": "much"}, "weight 'much' is not a number"),
        (GOOD | {"weight": [1]}, r"weight \[1\] is not a number"),
        (GOOD | {"weight": -1}, "weight -1.0 is not a number from 0 on"),
        (GOOD | {"weight": "nan"}, "weight .*nan"),
        (GOOD | {"weight": "inf"}, "weight .*inf"),
        (GOOD | {"focus": "primary", "primary": "none"}, "focus is primary, but primary is none"),
        (GOOD | {"evidence": "was warm"}, "evidence is not a quotation from the text"),
        ("{", "not a JSON object"),
        ("[1]", "not a JSON object"),
    ],
)
def test_read_corpus_says_what_is_wrong_with_a_line(lines, row, what):
    with pytest.raises(DataError, match=rf"^Labelled data: 1 bad lines.\n  mine.jsonl, line 2: {what}.*\nCorrect them, or leave"):
        read_corpus(lines(GOOD, row, GOOD))


def test_read_corpus_leaves_bad_lines_out_and_reports_them(lines):
    table, problems = read_corpus(lines(GOOD, GOOD | {"level": 7}, GOOD), strict=False)
    assert len(table) == 2
    assert [str(problem) for problem in problems] == ["mine.jsonl, line 2: level 7 is not one of 1, 2, 3, 4, 5, 6"]


def test_read_corpus_counts_blank_lines(lines):
    _, problems = read_corpus(lines(GOOD, "", "", GOOD | {"level": 7}), strict=False)
    assert [problem.line for problem in problems] == [4]


def test_read_corpus_counts_the_lines_of_a_cell(tmp_path):
    (tmp_path / "mine.csv").write_text('text,level\n"The food\nwas\ncold",2\nIt was all fine,7\n')
    _, problems = read_corpus(tmp_path / "mine.csv", strict=False)
    assert [problem.line for problem in problems] == [5]


def test_read_corpus_lists_the_first_of_many_problems(lines):
    with pytest.raises(DataError, match=r"30 bad lines.\n(  mine.jsonl, line \d+: .*\n){20}  ... and 10 more\n"):
        read_corpus(lines(*[GOOD | {"level": 7 + i} for i in range(30)]))


def test_read_corpus_puts_lines_with_the_same_problem_together(lines):
    with pytest.raises(DataError, match=r"8 bad lines.\n  mine.jsonl, lines 1, 2, 3, 4, 5 and 3 more: level 7 is not one of"):
        read_corpus(lines(*[GOOD | {"level": 7}] * 8))


def test_read_corpus_says_where_there_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"none: no such file or folder. Found nothing there. Check the name."):
        read_corpus(tmp_path / "none")


def test_read_corpus_says_where_a_folder_holds_no_data(tmp_path):
    with pytest.raises(DataError, match=r": no data files. Found none of .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .xlsx. Name"):
        read_corpus(tmp_path)


def test_read_corpus_says_where_labels_are_missing(lines):
    with pytest.raises(DataError, match=r"mine.jsonl: no labels. Found 'text', 'mood'. Add a column level \(1 to 6\)."):
        read_corpus(lines({"text": "The food was cold.", "mood": "bad"}))


def test_read_corpus_says_where_every_line_is_left_out(lines):
    with pytest.raises(DataError, match=r"mine.jsonl: no labelled interactions. Found none. Name files with text and level."):
        read_corpus(lines(GOOD | {"level": 7}), strict=False)


@pytest.mark.parametrize("category", CATEGORY_NAMES)
def test_read_corpus_accepts_a_focus_that_is_not_none(lines, category):
    assert len(read_corpus(lines(GOOD | {"focus": category, category: "failed"})).table) == 1


def test_read_corpus_takes_a_persons_verdict_before_votes(lines):
    row = {"text": "The food was cold.", "service_level": 5, "label_level": 3, "label_weight": 0.4}
    table = read_corpus(lines(row, row | {"human_level": 2}, row | {"human_level": 2, "level": 1})).table
    assert table["level"].tolist() == [3, 2, 2]
    assert table["weight"].tolist() == [0.4, 1.0, 1.0]


def test_predictions_are_no_labels(lines):
    scored = lines({"text": "The food was cold.", "service_level": 5})
    assert not has_labels(scored)
    with pytest.raises(DataError, match="no labels"):
        read_corpus(scored)


def test_has_labels_knows_columns(lines, tmp_path):
    lines({"text": "The food was cold.", "human_primary": "failed"})
    assert has_labels(tmp_path)
    assert not has_labels(DATA / "examples" / "tickets.csv")


def test_read_interactions_leaves_out_what_holds_no_words(lines):
    table = read_interactions(lines({"id": 7, "text": "The food was cold."}, {"id": 8, "text": "..."}, {"id": 9, "text": None}))
    assert table[["file", "row", "id", "text"]].values.tolist()[0][1:] == [1, "7", "The food was cold."]
    assert len(table) == 1


def test_a_line_without_text_and_label_stops_nothing(lines):
    table, problems = read_corpus(lines(GOOD, {"text": "", "level": None}, GOOD))
    assert len(table) == 2
    assert [str(problem) for problem in problems] == ["mine.jsonl, line 2: no text"]


def test_columns_may_be_named_as_people_name_them(tmp_path):
    (tmp_path / "mine.csv").write_text("Ticket ID,Message,Service Level,Delivery System,notes\n7,The food was cold.,N/A,Failed,x\n")
    table = read_corpus(tmp_path / "mine.csv", extra=["notes"]).table
    assert table[["id", "delivery", "notes"]].values.tolist() == [["7", "failed", "x"]]
    assert table["level"].isna().all()


def test_a_conversation_is_read_as_score_reads_it(tmp_path):
    messages = ["conversation_id,author,message,level", "7,customer,You charged me twice!,1", "7,agent,Sorry about that.,1"]
    (tmp_path / "mine.csv").write_text("\n".join([*messages, "8,customer,How do I log in?,3"]) + "\n")
    table, problems = read_corpus(tmp_path / "mine.csv")
    assert table["text"].tolist() == ["Customer: You charged me twice!\nAgent: Sorry about that.", "How do I log in?"]
    assert [problem.what for problem in problems] == ["part of the interaction in row 1"]


def test_what_was_labelled_counts_where_it_is_no_single_cell(lines):
    row = {"text": "raw", "label_interaction": "Customer: the whole of it", "label_level": 2, "label_weight": 0.5}
    assert read_corpus(lines(row)).table[["text", "weight"]].values.tolist() == [["Customer: the whole of it", 0.5]]


def test_problems_of_json_count_records(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps([GOOD, GOOD | {"level": 7}]))
    assert str(read_corpus(tmp_path / "mine.json", strict=False).problems[0]).startswith("mine.json, record 2: level 7")


def test_texts_are_cleaned_as_those_that_are_scored(tmp_path):
    html = "<p>Never again.</p><blockquote>wonderful and kind</blockquote>"
    rows = [{"text": html, "level": 1, "evidence": "wonderful and kind"}, {"text": "<b>Late</b> again", "level": 2, "evidence": "again"}]
    pd.DataFrame(rows).to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    table = read_corpus(tmp_path / "mine.jsonl").table
    assert table["text"].tolist() == ["Never again.", "Late again"]
    assert table["evidence"].tolist() == ["", "again"]


def test_columns_of_numbers_and_labels_can_be_kept(tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"text": "late", "level": 2, "year": 2024}\n{"text": "kind", "level": 4, "year": 2025}\n')
    table = read_corpus(tmp_path / "mine.jsonl", extra=["year", "level"]).table
    assert table[["level", "year"]].to_numpy().tolist() == [[2, "2024"], [4, "2025"]]


def test_packed_files_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("text,level\nlate,2\n")
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write("text,level\nkind,4\n")
    assert read_corpus(tmp_path).table["level"].tolist() == [2, 4]
    assert has_labels(tmp_path / "b.csv.gz")
