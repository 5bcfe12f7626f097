import json

import numpy as np
import pandas as pd
import pytest

from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.evaluation import by_group, calibration_error, confusion, evaluate, evaluate_model, render


def certain(levels) -> np.ndarray:
    return np.eye(6)[np.asarray(levels) - 1]


def test_evaluate_of_perfect_predictions(interactions):
    figures = evaluate(interactions, interactions, certain(interactions["level"]))
    assert figures.pop("calibration error") == 0
    assert figures.pop("criminal recall, top 30%") == 1
    assert figures == pytest.approx(dict.fromkeys(figures, 1.0))
    assert {f"{target} macro F1" for target in ("focus", "ring", "cause", "interest")} < set(figures)


def test_evaluate_counts_far_misses_more():
    labels = pd.DataFrame({"level": [1, 2, 3, 4, 5, 6] * 3})
    near, far = labels.assign(level=[2, 3, 4, 5, 6, 5] * 3), labels.assign(level=[6, 5, 1, 1, 1, 1] * 3)
    kappa = [evaluate(labels, guess, certain(guess["level"]))["level quadratic kappa"] for guess in (near, far)]
    assert kappa[0] > 0.7
    assert kappa[1] < 0


def test_evaluate_passes_over_missing_labels():
    labels = pd.DataFrame({"level": [1, None, 3], "primary": ["failed", None, "none"], "cause": [None, None, "person"]})
    guess = pd.DataFrame({"level": [1, 6, 3], "primary": ["failed", "none", "none"], "cause": ["none", "none", "person"]})
    figures = evaluate(labels, guess, certain(guess["level"]))
    assert (figures["level accuracy"], figures["cause macro F1"]) == (1, 1)


@pytest.mark.parametrize("absent", ["labels", "predicted"])
def test_evaluate_passes_over_absent_targets(interactions, absent):
    few = interactions[["level", "ring"]]
    labels, predicted = (few, interactions) if absent == "labels" else (interactions, few)
    figures = evaluate(labels, predicted, certain(interactions["level"]))
    assert {name for name in figures if "F1" in name} == {"bad (1-2) F1", "ring macro F1"}


def test_evaluate_finds_the_criminal_at_the_top():
    labels = pd.DataFrame({"level": [1] * 2 + [3] * 8})
    proba = np.full((10, 6), 0.1)
    proba[[0, 5, 6], 0] = 0.5
    assert evaluate(labels, labels, proba)["criminal recall, top 30%"] == 0.5


@pytest.mark.parametrize(("right", "error"), [(1.0, 0.2), (0.8, 0.0), (0.0, 0.8)])
def test_calibration_error_is_the_gap_to_confidence(right, error):
    proba = np.tile([0.8, 0.2, 0, 0, 0, 0], (10, 1))
    level = np.where(np.arange(10) < right * 10, 1, 2)
    assert calibration_error(proba, level, bins=1) == pytest.approx(error)


def test_calibration_error_bears_fewer_rows_than_bins():
    assert calibration_error(certain([1, 2]), np.array([1, 2])) == 0


def test_by_group_gives_each_group_a_row():
    labels, group = pd.DataFrame({"level": [1, 2, 3, 3]}), pd.Series(["a", "a", "b", "b"])
    rows = by_group(labels, labels, group)
    assert rows[["group", "n", "accuracy"]].to_dict("list") == {"group": ["a", "b"], "n": [2, 2], "accuracy": [1.0, 1.0]}
    assert np.isnan(rows["kappa"][1])


def test_confusion_has_all_levels():
    table = confusion(pd.DataFrame({"level": [1, 1, None]}), pd.DataFrame({"level": [1, 2, 3]}))
    assert table.shape == (6, 6)
    assert table.loc[1].tolist() == [1, 1, 0, 0, 0, 0]
    assert table.to_numpy().sum() == 2


@pytest.fixture
def labelled(interactions, tmp_path):
    path = tmp_path / "mine.jsonl"
    interactions.assign(channel=["chat", "email"] * 30).to_json(path, orient="records", lines=True)
    return path


def test_evaluate_model_judges_a_file(model, labelled):
    judged = evaluate_model(model, (labelled,), by="channel")
    assert judged.n == 60
    assert judged.figures["level within one"] > 0.9
    assert judged.groups["group"].tolist() == ["chat", "email"]
    assert judged.confusion.to_numpy().sum() == 60


def test_evaluate_model_leaves_out_rows_without_a_level(model, tmp_path):
    rows = [{"text": text, "level": level} for text, level in (("The food was cold.", 2), ("Fine.", None), ("They lied to me.", 1))]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert evaluate_model(model, (tmp_path / "mine.jsonl",)).n == 2


def test_evaluate_bears_a_single_level():
    labels = pd.DataFrame({"level": [3, 3, 3]})
    assert evaluate(labels, labels, certain(labels["level"]))["level accuracy"] == 1


def test_evaluate_model_bears_a_model_of_fewer_targets(labelled):
    partial = ServiceClassifier(max_iter=5).fit(["bad thing here", "good thing here"] * 6, [1, 4] * 6)
    assert "category mean F1" not in evaluate_model(partial, (labelled,)).figures


def test_evaluate_model_says_where_there_are_no_levels(model, tmp_path):
    (tmp_path / "mine.csv").write_text("text,primary\nThe food was cold,failed\n")
    with pytest.raises(DataError, match=r"mine.csv: no levels to compare with. Found none. Add a column level \(1 to 6\)."):
        evaluate_model(model, (tmp_path / "mine.csv",))


def test_evaluate_model_says_where_there_is_no_column_to_group_by(model, labelled):
    with pytest.raises(DataError, match=r"^--by: no column 'mood'. Found 'text', 'level', .*Choose one of them.$"):
        evaluate_model(model, (labelled,), by="mood")


def test_render_shows_figures_confusion_and_groups(model, labelled):
    shown = render(evaluate_model(model, (labelled,), by="channel"))
    assert shown.startswith("60 interactions\n")
    assert "level quadratic kappa" in shown
    assert "chat 30" in " ".join(shown.split())
