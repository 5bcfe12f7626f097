import csv
import json

import pytest
from click.testing import CliRunner

from servicenlp import exchange
from servicenlp.cli import main
from servicenlp.corpus import read_corpus
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
    assert (row["service_level"], row["human_level"], row["human_primary"]) == (1, 1, "failed")
    assert row["human_weight"] == 0.5
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


@pytest.fixture
def export(tmp_path):
    def export(records, name="done.json"):
        lines = "\n".join(json.dumps(record) for record in records)
        (tmp_path / name).write_text(lines if name.endswith("jsonl") else json.dumps(records))
        return tmp_path / name

    return export


@pytest.mark.parametrize("tool", exchange.TOOLS)
@pytest.mark.parametrize("name", ["done.json", "done.jsonl"])
def test_an_export_is_labelled_data(tool, name, export):
    records = [said(record, tool) for record in exchange.to_records(ROWS[:1], tool)]
    table = read_corpus(export(records, name)).table
    assert table[["id", "text", "level", "primary", "weight"]].values.tolist() == [["a1", ROWS[0]["text"], 1, "failed", 0.5]]


def test_the_quotation_of_those_who_agree_is_the_evidence(export):
    records = [said(record, "label-studio") for record in exchange.to_records(ROWS[:1], "label-studio")]
    del records[0]["annotations"][1]
    assert read_corpus(export(records)).table["evidence"].tolist() == ["charged twice"]


@pytest.mark.parametrize("tool", exchange.TOOLS)
def test_an_export_without_verdicts_says_so(tool, export):
    with pytest.raises(DataError, match=r"done\.json: no labels\. Found .*service_level"):
        read_corpus(export(exchange.to_records(ROWS[:1], tool)))


def minimal(**more):
    """An annotation as JSON-MIN and CSV have it."""
    return {
        "text": "😀 charged twice",
        "id": 4,
        "annotator": 1,
        "annotation_id": 7,
        "lead_time": 3.5,
        "created_at": "",
        "updated_at": "",
        **more,
    }


def test_annotations_of_label_studios_short_forms_are_gathered(export, tmp_path):
    spans = [{"start": 3, "end": 16, "text": "charged twice", "labels": ["evidence"]}]
    rows = [minimal(level="2", primary="failed", evidence=spans), minimal(level="2", annotator=2), minimal(id=5, text="Fine.", level="3")]
    table = read_corpus(export(rows)).table
    assert table[["id", "level", "weight", "evidence"]].values.tolist() == [["4", 2, 1.0, "charged twice"], ["5", 3, 1.0, ""]]
    cells = [{name: json.dumps(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in rows]
    with (tmp_path / "done.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows(cells)
    assert exchange.read_export(tmp_path / "done.csv").rows[0]["verdicts"] == exchange.from_records(rows)[0]["verdicts"]


def test_flat_records_of_argilla_are_folded(export):
    flat = {
        "id": "4", "status": "completed", "_server_id": None, "text": "Charged twice.", "channel": "chat",
        "level.responses": [2, 5], "level.responses.users": ["a", "b"], "level.responses.status": ["submitted", "draft"],
        "primary.suggestion": "failed", "primary.suggestion.score": 0.8, "primary.suggestion.agent": "m-1",
    }  # fmt: skip
    assert exchange.from_records([flat]) == [
        {
            "text": "Charged twice.", "channel": "chat", "service_primary": "failed", "service_primary_p": 0.8, "service_model": "m-1",
            "human_level": 2, "verdicts": [{"who": "a", "labels": {"level": 2}, "spans": []}],
        }
    ]  # fmt: skip


def test_questions_may_be_named_as_people_name_them():
    task = {"data": {"body": "Charged twice.", "row": 7}, "annotations": [{"completed_by": 1, "result": [
        {"type": "choices", "from_name": "Service level", "value": {"choices": ["2 - Basic"]}},
        {"type": "choices", "from_name": "Primary product", "value": {"choices": ["Failed"]}},
    ]}]}  # fmt: skip
    row = exchange.from_records([task])[0]
    assert (row["body"], row["row"], row["human_level"], row["human_primary"]) == ("Charged twice.", 7, 2, "failed")


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


@pytest.mark.parametrize(("tool", "told"), [("argilla", "rg.Settings("), ("label-studio", "<View>")])
def test_exchange_command_finds_the_id_and_tells_how_to_set_the_tool_up(tool, told, tmp_path):
    (tmp_path / "in.csv").write_text("Ticket ID,body,service_level\nT-9,It came late again,2\n")
    result = CliRunner().invoke(main, ["exchange", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.json"), "--to", tool])
    assert told in result.output
    assert '"T-9"' in (tmp_path / "out.json").read_text()
    wrong = CliRunner().invoke(
        main, ["exchange", str(tmp_path / "in.csv"), "-o", str(tmp_path / "x.json"), "--to", tool, "--id-column", "no"]
    )
    assert "no column 'no'. Found 'Ticket ID'" in wrong.output
