import json

import pytest
from click.testing import CliRunner

from servicenlp import exchange
from servicenlp.cli import main
from servicenlp.errors import DataError

PREDICTED = {
    "service_level": 1, "service_level_name": "criminal", "service_p_level_1": 0.91, "service_p_level_2": 0.09,
    "service_primary": "failed", "service_primary_p": 0.8, "service_delivery": "none", "service_delivery_p": 0.7,
    "service_focus": "primary", "service_evidence": "charged twice", "service_evidence_start": 2, "service_evidence_end": 15,
    "service_status": "scored", "service_model": "default-1a",
}  # fmt: skip
ROWS = [
    {"id": "a1", "text": "😀 charged twice — \"again\"!", "channel": "chat", "tags": ["x", "y"], "n": 3, **PREDICTED},
    {"id": "a2", "text": "Lines\r\nand = formulas", "service_status": "scored"},
    {"ref": "7", "body": "kept apart", "text": "raw", "service_interaction": "clean words", "service_level": 3},
]  # fmt: skip


def said(record, tool):
    """The record as it comes back once two people have answered."""
    if tool == "argilla":
        answers = [("kim", 2), ("lee", 1)]
        responses = {"level": [{"value": level, "user_id": who} for who, level in answers]}
        return record | {"responses": responses | {"primary": [{"value": "failed", "user_id": "kim"}]}}
    span = {"type": "labels", "from_name": "evidence", "to_name": "text", "value": {"start": 3, "end": 16, "labels": ["evidence"]}}
    kim = [{"type": "choices", "from_name": name, "value": {"choices": [value]}} for name, value in (("level", "2"), ("primary", "failed"))]
    lee = [{"type": "choices", "from_name": "level", "value": {"choices": ["1"]}}]
    annotations = [{"completed_by": {"email": "kim"}, "result": [*kim, span]}, {"completed_by": "lee", "result": lee}]
    return record | {"id": 12, "annotations": [*annotations, {"completed_by": 3, "was_cancelled": True, "result": lee}]}


@pytest.mark.parametrize("tool", exchange.TOOLS)
def test_records_come_back_as_the_rows_they_were(tool):
    records = json.loads(json.dumps(exchange.to_records(ROWS, tool)))
    assert exchange.detect_tool(records) == tool
    assert exchange.from_records(records) == ROWS


@pytest.mark.parametrize("tool", exchange.TOOLS)
def test_records_come_back_through_a_second_round_with_verdicts(tool):
    rows = exchange.from_records([said(record, tool) for record in exchange.to_records(ROWS[:1], tool)])
    assert exchange.from_records(json.loads(json.dumps(exchange.to_records(rows, tool)))) == rows


@pytest.mark.parametrize("tool", exchange.TOOLS)
def test_verdicts_are_told_beside_the_prediction(tool):
    row = exchange.from_records([said(record, tool) for record in exchange.to_records(ROWS[:1], tool)])[0]
    assert (row["service_level"], row["human_level"], row["human_primary"]) == (1, 2, "failed")
    assert [person["labels"]["level"] for person in row["verdicts"]] == [2, 1]
    assert {name: row[name] for name in ROWS[0]} == ROWS[0]


def test_argilla_holds_value_score_and_agent():
    suggestions = exchange.to_records(ROWS, "argilla")[0]["suggestions"]
    assert suggestions["level"] == {"value": 1, "score": 0.91, "agent": "default-1a"}
    assert suggestions["evidence"]["value"] == [{"label": "evidence", "start": 2, "end": 15}]


def test_label_studio_holds_version_score_and_utf16_offsets():
    prediction = exchange.to_records(ROWS, "label-studio")[0]["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("default-1a", 0.91)
    span = next(one for one in prediction["result"] if one["type"] == "labels")
    assert span["value"] == {"start": 3, "end": 16, "text": "charged twice", "labels": ["evidence"]}
    level = next(one for one in prediction["result"] if one["from_name"] == "level")
    assert (level["type"], level["value"]) == ("choices", {"choices": ["1"]})


def test_records_leave_out_rows_without_words():
    assert len(exchange.to_records([*ROWS, {"text": " "}, {"text": None}, {}], "argilla")) == 3


def test_records_of_nobody_are_an_error():
    with pytest.raises(DataError, match=r"^Records: no export of argilla or label-studio\. Found other content\."):
        exchange.from_records([{"a": 1}])


def test_records_of_an_unknown_tool_are_an_error():
    with pytest.raises(DataError, match=r"^--to: no such tool\. Found 'x'\. Choose from argilla, label-studio\.$"):
        exchange.to_records(ROWS, "x")


def test_records_that_are_damaged_are_an_error():
    record = exchange.to_records(ROWS, "label-studio")[0]
    del record["predictions"][0]["result"][0]["from_name"]
    with pytest.raises(DataError, match=r"^Records: a damaged export of label-studio\. Found no 'from_name'\."):
        exchange.from_records([record])


@pytest.mark.parametrize("tool", exchange.TOOLS)
def test_read_labels_gives_each_person_a_share(tool, tmp_path):
    (tmp_path / "done.json").write_text(json.dumps([said(record, tool) for record in exchange.to_records(ROWS[:1], tool)]))
    table = exchange.read_labels(tmp_path / "done.json")
    assert table["level"].tolist() == [2, 1]
    assert table["primary"].tolist() == ["failed", None]
    assert table["weight"].tolist() == [0.5, 0.5]
    assert set(table["text"]) == {ROWS[0]["text"]}
    assert table["family"].nunique() == 1


def test_read_labels_prefers_people_then_given_then_weak_labels(tmp_path):
    lines = ["text,level,human_level,label_level,label_weight", "one two,3,5,1,0.4", "three four,3,,1,0.4", "five six,,,1,0.4", "seven,,,,"]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    table = exchange.read_labels(tmp_path / "t.csv")
    assert table[["level", "weight", "source"]].values.tolist() == [[5, 1, "person"], [3, 1, "given"], [1, 0.4, "weak"]]


def test_read_labels_without_any_is_an_error(tmp_path):
    (tmp_path / "t.csv").write_text("text\nsome words\n")
    with pytest.raises(DataError, match=r"t\.csv: no labels\. Found 1 rows without one\."):
        exchange.read_labels(tmp_path / "t.csv")


@pytest.mark.parametrize("tool", exchange.TOOLS)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_exchange_command_goes_there_and_back(tool, suffix, tmp_path):
    def run(*arguments, code=0):
        result = CliRunner().invoke(main, ["exchange", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result

    exchange_table = tmp_path / f"in.{suffix}"
    (tmp_path / "rows.json").write_text(json.dumps(exchange.to_records(ROWS[:2], tool)))
    run(tmp_path / "rows.json", "-o", exchange_table)
    run(exchange_table, "-o", tmp_path / "out.json", "--to", tool)
    run(tmp_path / "out.json", "-o", tmp_path / f"back.{suffix}")
    first, back = (exchange.read_rows(path)[0] for path in (exchange_table, tmp_path / f"back.{suffix}"))

    def plain(rows):
        """Cells as text, numbers of one value alike: CSV holds no kinds."""
        return [{k: str(v).removesuffix(".0") for k, v in row.items()} for row in rows]

    assert plain(back) == plain(first)
    assert "is there already" in run(exchange_table, "-o", tmp_path / "out.json", "--to", tool, code=1).stderr
