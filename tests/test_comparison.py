import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_limits

from servicenlp.classifier import ServiceClassifier
from servicenlp.cli import main
from servicenlp.comparison import compare_models, render
from servicenlp.evaluation import evaluate
from servicenlp.persistence import save_model


@pytest.fixture(scope="module")
def other(learned) -> ServiceClassifier:
    """A model that has read less."""
    few = learned[::4]
    with threadpool_limits(1):
        return ServiceClassifier(folds=2, max_iter=20).fit(few["text"], few[["level", "primary", "delivery", "ring"]])


@pytest.fixture(scope="module")
def compared(model, other, interactions):
    return compare_models(model, other, interactions, times=200)


def test_figures_are_those_of_evaluate(compared, model, other, interactions):
    for name, m in (("a", model), ("b", other)):
        frame = m.predict_frame(interactions["text"])[["level", "primary", "delivery", "ring"]]
        expected = evaluate(interactions, frame, m.predict_proba(interactions["text"]))
        assert dict(zip(compared.figures["figure"], compared.figures[name], strict=True)) == pytest.approx(expected)


def test_intervals_hold_the_difference(compared):
    figures = compared.figures
    assert (figures["difference"] == figures["b"] - figures["a"]).all()
    assert ((figures["low"] <= figures["difference"]) & (figures["difference"] <= figures["high"])).all()
    accuracy = figures[figures["figure"] == "level accuracy"].iloc[0]
    assert accuracy["high"] < 0  # it has read a quarter only


def test_changed_are_the_items_whose_level_differs(compared, model, other, interactions):
    differ = model.predict(interactions["text"]) != other.predict(interactions["text"])
    assert sorted(compared.changed["id"]) == sorted(interactions["id"][differ])
    gap = (compared.changed["level_a"] - compared.changed["level_b"]).abs()
    assert gap.is_monotonic_decreasing
    assert compared.shift.to_numpy().sum() == len(interactions)


def test_a_model_does_not_differ_from_itself(model, interactions):
    same = compare_models(model, model, interactions, times=20)
    assert len(same.changed) == 0
    assert (same.figures[["difference", "low", "high"]] == 0).all(axis=None)


def test_missing_labels_are_passed_over(model, other, interactions):
    gaps = interactions.assign(level=interactions["level"].where(np.arange(60) % 2 == 0))
    half = compare_models(model, other, gaps, times=10).figures.set_index("figure")
    whole = compare_models(model, other, interactions[::2], times=10).figures.set_index("figure")
    assert half.loc["level accuracy", "a"] == whole.loc["level accuracy", "a"]


def test_families_are_drawn_whole(model, other, interactions):
    many = pd.concat([interactions] * 4, ignore_index=True)
    width = {}
    for name, family in {"apart": range(240), "together": [i % 30 for i in range(240)]}.items():
        table = many.assign(family=[f"f{k}" for k in family], file="mine", text=[f"{t} {i}" for i, t in enumerate(many["text"])])
        row = compare_models(model, other, table, times=200).figures.iloc[0]
        width[name] = row["high"] - row["low"]
    assert width["together"] > 1.3 * width["apart"]


def test_render_fits_a_terminal(compared):
    shown = render(compared, "models/a", "models/b")
    assert max(map(len, shown.splitlines())) <= 80
    assert "changed level: " in shown


def test_command_writes_the_items_that_changed(model_folder, other, interactions, tmp_path):
    save_model(other, tmp_path / "other")
    interactions.to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    arguments = ["compare", model_folder, tmp_path / "other", tmp_path / "mine.jsonl", "--times", 20, "-o", tmp_path / "changed.csv"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    assert "level accuracy" in result.stdout
    assert {"id", "level", "level_a", "level_b", "text"} <= set(pd.read_csv(tmp_path / "changed.csv").columns)


def test_command_compares_without_labels(model_folder, tmp_path):
    (tmp_path / "new.csv").write_text("id,message\n1,They lied to me and kept the money\n2,Quick and friendly as ever\n")
    result = CliRunner().invoke(main, ["compare", str(model_folder), str(model_folder), str(tmp_path / "new.csv")])
    assert result.exit_code == 0, result.output
    assert "2 interactions, 0 (0.0%) changed level" in result.stdout
    assert "figure" not in result.stdout
