import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("krippendorff", reason="the extra 'review' is not installed")
pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")

from reviewing import an_item

from servicenlp.agreement import compare_raters, render
from servicenlp.cli import main
from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.raters import Rater, group_raters, name_sources, read_groups, read_raters
from servicenlp.review.decisions import Verdict
from servicenlp.review.store import open_store

NONE = dict.fromkeys(("primary", "delivery", "mindset", "relationship"), "none")


def rater(name: str, levels, **outcomes) -> Rater:
    return Rater(name, {f"t{i}": {"level": level, **NONE, **outcomes} for i, level in enumerate(levels)})


def figure(found, what, measure, between="all"):
    return next(f for f in found.figures if (f.what, f.measure, f.between) == (what, measure, between))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows) -> str:
    with open(name, "w", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"id": f"{i}", "text": text, "level": level, **more}) + "\n" for i, (text, level, more) in enumerate(rows)
        )
    return name


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["agreement", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_same_labels_agree_fully():
    levels = [1, 2, 3, 4, 5, 6, 1, 3]
    found = compare_raters([rater("ann", levels), rater("bob", levels)])
    assert figure(found, "level", "weighted kappa", "ann, bob").value == 1
    assert figure(found, "level", "alpha").value == 1
    assert found.disputed.empty
    assert figure(found, "primary", "kappa", "ann, bob").value != figure(found, "primary", "kappa", "ann, bob").value  # nan: all none


def test_labels_by_chance_agree_by_none():
    rng = random.Random(1)
    raters = [rater(name, [rng.randint(1, 6) for _ in range(400)]) for name in ("ann", "bob", "eve")]
    found = compare_raters(raters)
    alpha = figure(found, "level", "alpha")
    assert abs(alpha.value) < 0.1
    assert alpha.low < alpha.value < alpha.high
    assert abs(figure(found, "level", "weighted kappa", "ann, bob").value) < 0.15


def test_weighted_kappa_minds_how_far_apart():
    levels = [1, 2, 3, 4, 5, 6] * 3
    near = compare_raters([rater("a", levels), rater("b", [min(6, level + 1) for level in levels])])
    far = compare_raters([rater("a", levels), rater("b", [7 - level for level in levels])])
    assert figure(near, "level", "weighted kappa", "a, b").value > 0.7
    assert figure(far, "level", "weighted kappa", "a, b").value < -0.7


def test_kappa_by_hand():
    # Observed 0.75; by chance 0.5 * 0.75 + 0.5 * 0.25 = 0.5.
    a = [{"delivery": outcome} for outcome in ("failed", "failed", "none", "none")]
    b = [{"delivery": outcome} for outcome in ("failed", "failed", "failed", "none")]
    found = compare_raters([Rater(name, dict(enumerate(map(dict, rows)))) for name, rows in (("a", a), ("b", b))])
    assert figure(found, "delivery", "kappa", "a, b").value == pytest.approx(0.5)
    assert [f.what for f in found.figures] == ["delivery", "delivery"]


def test_each_level_has_its_kappa():
    found = compare_raters([rater("a", [1, 1, 2, 2]), rater("b", [1, 1, 2, 3])])
    assert figure(found, "criminal", "kappa", "a, b").value == 1
    assert figure(found, "expected", "kappa", "a, b").value == 0
    assert not [f for f in found.figures if f.what == "unbelievable"]


def test_alpha_takes_raters_who_did_not_see_all():
    found = compare_raters([rater("a", [1, 2, 3]), rater("b", [1, 2, 3, 4]), Rater("c", {"t3": {"level": 4}, "t9": {"level": 1}})])
    assert figure(found, "level", "alpha").n == 4
    assert found.n_items == 4


def test_strict_and_lenient():
    rng = random.Random(2)
    levels = [rng.randint(2, 5) for _ in range(60)]
    strict = rater("sam", [level - (i % 2) for i, level in enumerate(levels)])
    found = compare_raters([rater("ann", levels), rater("bob", levels), strict])
    assert [(lean.name, lean.verdict) for lean in found.leans] == [("sam", "strict"), ("ann", "lenient"), ("bob", "lenient")]
    assert found.leans[0].mean == pytest.approx(-0.5)
    same = compare_raters([rater("ann", levels), rater("bob", levels)])
    assert {lean.verdict for lean in same.leans} == {""}


def test_disputed_come_widest_first_with_each_raters_labels():
    a = rater("ann", [1, 2, 3, 4])
    b = rater("bob", [6, 2, 4, 4])
    b.ratings["t1"]["delivery"] = "failed"
    table = compare_raters([a, b]).disputed
    assert table["text"].tolist() == ["t0", "t2", "t1"]
    assert table["spread"].tolist() == [5, 1, 0]
    assert table["differ"].tolist() == ["level", "level", "delivery"]
    assert table[["ann: level", "bob: level", "bob: delivery"]].to_numpy().tolist() == [[1, 6, "none"], [3, 4, "none"], [2, 2, "failed"]]


def test_group_is_the_middle_and_the_most_frequent():
    raters = [rater("a", [1]), rater("b", [2], delivery="failed"), rater("c", [6], delivery="failed"), rater("d", [3])]
    groups = {group.name: group.ratings["t0"] for group in group_raters(raters, {"three": ["a", "b", "c"], "two": ["b", "d"]})}
    assert (groups["three"]["level"], groups["three"]["delivery"]) == (2, "failed")
    assert (groups["two"]["level"], groups["two"]["delivery"]) == (2, "none")


def test_group_with_an_unknown_member():
    with pytest.raises(DataError, match=r"^--group x: no rater 'eve'\. Found ann\. Name label files, or reviewers of a store\.$"):
        group_raters([rater("ann", [1])], {"x": ["eve"]})


def test_files_are_matched_by_their_words(folder):
    write("ann.jsonl", [("Late  again.", 2, {}), ("Lovely people.", 4, {})])
    write("bob.jsonl", [("Lovely people.", 4, {}), ("Late again.", 1, {"delivery": "failed"})])
    raters, texts = read_raters(["ann.jsonl", "bob.jsonl"])
    assert [r.name for r in raters] == ["ann", "bob"]
    assert raters[1].ratings["Late again."]["level"] == 1
    assert texts.ids["Late again."] == "0"


def test_files_of_one_name_are_raters_of_their_own():
    assert list(name_sources(["a/labels.jsonl", "b/labels.jsonl"]).values()) == ["a/labels", "b/labels"]


def test_item_labelled_twice_is_refused(folder):
    write("ann.jsonl", [("Late again.", 2, {"id": "T-1"}), ("Late  again.", 1, {"id": "T-1"})])
    with pytest.raises(DataError, match=r"^ann\.jsonl: ann labels an item twice\. Found 'Late again\.' with other labels\. Keep one"):
        read_raters(["ann.jsonl"])


def test_same_words_of_several_customers_are_told_apart_by_their_ids(folder):
    for name, levels in (("ann", (2, 1, 4)), ("bob", (2, 3, 4))):
        write(f"{name}.jsonl", [("Late again.", levels[0], {"id": "7"}), ("Late again.", levels[1], {"id": "8"}), ("Fine.", levels[2], {})])
    write("eve.jsonl", [("Fine.", 4, {"id": "another"})])
    raters, texts = read_raters(["ann.jsonl", "bob.jsonl", "eve.jsonl"])
    found = compare_raters(raters, texts)
    assert (found.n_items, found.disputed[["id", "text", "ann: level", "bob: level"]].values.tolist()) == (3, [["8", "Late again.", 1, 3]])


def test_levels_are_whole_numbers_though_a_file_has_gaps(folder):
    Path("ann.csv").write_text("text,level,delivery\nLate again.,2,failed\nFine.,,none\n", encoding="utf-8")
    write("bob.jsonl", [("Late again.", 3, {})])
    run("ann.csv", "bob.jsonl", "-o", "disputed.csv")
    assert Path("disputed.csv").read_text(encoding="utf-8").splitlines()[1].startswith("0,Late again.,1,level,2,3,")


def test_store_holds_a_rater_a_reviewer(folder):
    store = open_store("review.db")
    for i in range(4):
        store.decide("ann", an_item(f"k{i}"), Verdict(1 + i))
        store.decide("bob", an_item(f"k{i}"), Verdict(2 + i))
    store.accept_all("eve", [an_item("k9")])
    store.close()
    raters, _ = read_raters(["review.db"])
    assert {r.name: [labels["level"] for labels in r.ratings.values()] for r in raters} == {"ann": [1, 2, 3, 4], "bob": [2, 3, 4, 5]}
    assert "ann, bob" in run("review.db").stdout


@pytest.mark.parametrize(
    ("raters", "message"),
    [
        ([], r"^Agreement: fewer than two raters\. Found none\. Name more label files\.$"),
        ([rater("ann", [1])], r"^Agreement: fewer than two raters\. Found ann\."),
        ([rater("ann", [1]), Rater("bob", {"x": {"level": 1}})], r"^Agreement: no item was rated by two\. Found different texts only\."),
    ],
)
def test_nothing_to_compare(raters, message):
    with pytest.raises(DataError, match=message):
        compare_raters(raters)


@pytest.mark.parametrize("group", ["frontline", "=a.jsonl", "frontline="])
def test_group_that_is_not_written_as_one(group):
    with pytest.raises(DataError, match=r"^--group: not a group\. Found '.*'\. Write NAME=A,B with label files or reviewers\.$"):
        read_groups([], [group])


def test_command_compares_groups_and_writes_what_to_adjudicate(folder):
    texts = [f"Ticket {i} about the parcel" for i in range(30)]
    for name, shift in (("ann", 0), ("bob", 0), ("chief", 1), ("boss", 1)):
        write(f"{name}.jsonl", [(text, min(6, 1 + i % 5 + shift), {}) for i, text in enumerate(texts)])
    shown = run("--group", "frontline=ann.jsonl,bob.jsonl", "--group", "managers=chief.jsonl,boss.jsonl", "-o", "disputed.csv")
    assert "frontline, managers" in shown.stdout
    assert "frontline              -1.00 (-1.00 to -1.00) on 30  strict" in shown.stdout
    assert "managers               +1.00 (+1.00 to +1.00) on 30  lenient" in shown.stdout
    assert "disputed.csv: 30 items to adjudicate" in shown.stderr
    lines = (folder / "disputed.csv").read_text().splitlines()
    assert lines[0].startswith("id,text,spread,differ,frontline: level,managers: level,")
    assert lines[1] == "0,Ticket 0 about the parcel,1,level,1,2,,,,,,,,"
    assert "is there already" in run("ann.jsonl", "bob.jsonl", "-o", "disputed.csv", code=1).stderr


def test_figures_fit_a_terminal():
    found = compare_raters([rater("ann", [1, 2, 3, 4] * 5), rater("bob", [1, 2, 4, 4] * 5), rater("eve", [2, 2, 3, 4] * 5)])
    text = render(found)
    assert "20 items rated by two or more, 10 to adjudicate" in text
    assert max(map(len, text.splitlines())) <= 80


def test_agreement_command_merges_labels_for_training(tmp_path):
    (tmp_path / "ann.csv").write_text("text,level,primary\nIt broke at once.,2,failed\nRude staff!,1,none\nbad,9,\n")
    (tmp_path / "bob.csv").write_text("text,level,primary\nIt broke at once.,2,failed\nRude staff!,2,none\nFine.,3,none\n")
    files = [str(tmp_path / name) for name in ("ann.csv", "bob.csv")]
    assert "--skip-bad" in CliRunner().invoke(main, ["agreement", *files]).output
    result = CliRunner().invoke(main, ["agreement", *files, "--skip-bad", "--merged", str(tmp_path / "both.csv")])
    assert result.exit_code == 0, result.output
    table = read_corpus(tmp_path / "both.csv").table
    assert table[["text", "level", "weight"]].values.tolist() == [["It broke at once.", 2, 1.0], ["Rude staff!", 1, 0.5], ["Fine.", 3, 1.0]]


def test_the_people_of_an_annotation_tool_are_raters(tmp_path):
    task = {"text": "Charged twice!", "id": 1, "annotation_id": 1, "lead_time": 1.0}
    rows = [task | {"annotator": 1, "level": "1"}, task | {"annotator": 2, "level": "2"}]
    (tmp_path / "done.json").write_text(json.dumps(rows))
    raters, _ = read_raters([str(tmp_path / "done.json")])
    assert [(rater.name, rater.ratings) for rater in raters] == [
        ("1", {"Charged twice!": {"level": 1}}),
        ("2", {"Charged twice!": {"level": 2}}),
    ]
