import pandas as pd
import pytest

pytest.importorskip("cleanlab", reason="the extra 'audit' is not installed")

from click.testing import CliRunner
from threadpoolctl import threadpool_limits

from servicenlp.audit import AUDITED, COLUMNS, KINDS, audit_labels, render
from servicenlp.cli import main
from servicenlp.errors import DataError, ServicenlpError


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def table(learned) -> pd.DataFrame:
    """The small model's data, with ten levels turned."""
    rows = learned[["text", *AUDITED]].assign(family=[f"f{i % 7}" for i in range(len(learned))], file="mine", weight=1.0)
    rows["id"] = [f"row{i}" for i in range(len(rows))]
    rows.loc[rows.index[5:105:10], "level"] = rows["level"][5:105:10].map({1: 5, 2: 5, 3: 1, 4: 1, 5: 1, 6: 1})
    return rows


@pytest.fixture(scope="module")
def found(table, model) -> pd.DataFrame:
    return audit_labels(table, model)


def test_turned_labels_are_found_first(found, table):
    labels = found[(found["kind"] == "label") & (found["target"] == "level")]
    turned = set(table["id"][5:105:10])
    assert len(labels) >= 5
    assert set(labels["id"][:5]) <= turned
    assert labels["p_label"].is_monotonic_increasing
    assert (labels["suggested"] != labels["label"]).all()


def test_findings_have_their_columns_and_kinds(found):
    assert list(found) == COLUMNS
    assert set(found["kind"]) <= set(KINDS)


def test_contradicting_labels_are_found(found, table):
    told = found[found["kind"] == "contradiction"].set_index("id")
    rows = table.set_index("id").loc[told.index]
    outcomes = rows[list(AUDITED[1:])]
    assert ((rows["level"] <= 2) | (rows["level"] >= 4)).all()
    assert not (outcomes[rows["level"] <= 2] == "failed").any(axis=None)
    assert len(told) > 0  # the levels that were turned


def test_copies_conflicts_and_leaks_are_found(table, model):
    copy = table[:3].assign(id=["c1", "c2", "c3"], family=["f0", "f9", "f2"], level=[table["level"][0], 6, table["level"][2]])
    found = audit_labels(pd.concat([table, copy], ignore_index=True), model)
    assert found[found["kind"] == "conflict"]["id"].tolist() == ["c2"]
    assert {"c1", "c3"} <= set(found[found["kind"] == "copy"]["id"])
    assert found[found["kind"] == "leak"]["id"].tolist() == ["c2"]
    assert found[found["id"] == "c1"]["with"].tolist() == ["row0"]


def test_without_a_model_the_rest_of_the_table_judges(table):
    told = []
    small = table[:240][["text", "level", "family", "file", "weight"]]
    found = audit_labels(small, progress=lambda done, total: told.append(total))
    assert set(found[found["kind"] == "label"]["target"]) == {"level"}
    assert told == [4] * 4
    assert found["id"].str.startswith("number ").all()


def test_missing_labels_are_no_findings(table, model):
    gaps = table.assign(level=table["level"].where(table.index % 2 == 0))
    found = audit_labels(gaps, model)
    assert found["label"].notna().all()
    assert all(isinstance(level, int) for level in found[found["target"] == "level"]["label"])


def test_audit_says_where_there_is_nothing_to_judge(table, model):
    with pytest.raises(DataError, match=r"^Labelled data: nothing to audit. Found \d+ rows without two labels of a target."):
        audit_labels(table[["text", "family", "file", "weight"]], model)


def test_audit_says_where_nothing_can_be_left_out(table):
    with pytest.raises(DataError, match=r"^Labelled data: one group only. Found no two families. Name a model to judge by"):
        audit_labels(table[:20].assign(family="one"))


def test_audit_says_what_to_install(table, model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cleanlab.filter", None)
    with pytest.raises(ServicenlpError, match=r"the package cleanlab is missing. Found none. Run: pip install 'servicenlp\[audit\]'."):
        audit_labels(table, model)


def test_render_fits_a_terminal(found, table):
    shown = render(found, len(table))
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith(f"{len(table):,} interactions\n")


def test_command_writes_the_findings(table, model_folder, tmp_path):
    table.to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    arguments = ["audit", str(tmp_path / "mine.jsonl"), "-m", str(model_folder), "-o", str(tmp_path / "doubts.csv"), "--quiet"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert list(pd.read_csv(tmp_path / "doubts.csv").columns) == COLUMNS
