import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_limits

from servicenlp.cli import main
from servicenlp.drift import measure_drift, passed_limits, read_limit, render
from servicenlp.errors import DataError


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def halves(learned) -> tuple[pd.DataFrame, pd.DataFrame]:
    shuffled = learned.sample(frac=1, random_state=0)
    return shuffled[::2].reset_index(drop=True), shuffled[1::2].reset_index(drop=True)


def test_halves_of_the_same_do_not_drift(halves, model):
    drift = measure_drift(*halves, model)
    assert 0.35 < drift.figures["auc"][0] < 0.65
    assert drift.figures["mix"][0] < 0.15
    assert drift.n == tuple(map(len, halves))


def test_a_new_word_is_found(halves, model):
    new = halves[0].assign(text=halves[0]["text"] + " the blorx tariff")
    drift = measure_drift(new, halves[1], model)
    assert drift.figures["auc"][0] > 0.95
    assert set(drift.words["word"][:2]) == {"blorx", "tariff"}
    assert (drift.words["more_in"][:2] == "new").all()
    unseen = drift.figures["unseen"]
    assert unseen[0] > unseen[1] + 0.02


def test_another_mix_is_found(halves, model):
    bad, good = (halves[0][halves[0]["level"].isin(levels)].reset_index(drop=True) for levels in ((1, 2), (4, 5)))
    drift = measure_drift(bad, good, model)
    assert drift.figures["mix"][0] > 0.8
    assert drift.mix.loc["level 4 desired", "reference"] > drift.mix.loc["level 4 desired", "new"]
    assert drift.mix.filter(like="level", axis=0).sum().to_numpy() == pytest.approx([1, 1])


def test_confidence_falls_on_strange_words(halves, model):
    strange = pd.DataFrame({"text": [f"zxqv wplk {word}" for word in ("rrr", "sss", "ttt", "uuu") * 6]})
    drift = measure_drift(strange, halves[1], model)
    assert drift.figures["confidence"][0] < drift.figures["confidence"][1]
    assert drift.figures["unseen"][0] > 0.9


def test_without_a_reference_the_mix_is_compared_with_the_models_own(halves):
    from servicenlp import load_model

    drift = measure_drift(halves[0], None, load_model())
    assert np.isnan(drift.figures["auc"][0])
    assert 0 < drift.figures["mix"][0] < 0.3
    assert len(drift.words) == 0


def test_few_interactions_have_no_auc(halves, model):
    assert np.isnan(measure_drift(halves[0][:5], halves[1], model).figures["auc"][0])


def test_copies_do_not_make_an_auc(halves, model):
    """A reply that was sent thirty times would tell new from old, were it read on both sides of a fold."""
    stock = pd.DataFrame({"text": [f"kindly note our offices are closed on day {i}" for i in range(30)]})
    new = pd.concat([halves[0][:40], stock], ignore_index=True)
    assert measure_drift(new, halves[1][:40], model).figures["auc"][0] < 0.8


@pytest.mark.parametrize("text", ["the same again", "1 a", "好的 谢谢"])
def test_many_copies_of_one_text_have_no_auc(halves, model, text):
    drift = measure_drift(pd.DataFrame({"text": [text] * 50}), halves[1], model)
    assert np.isnan(drift.figures["auc"][0])


def test_render_fits_a_terminal(halves, model):
    shown = render(measure_drift(halves[0].assign(text="blorx " + halves[0]["text"]), halves[1], model))
    assert max(map(len, shown.splitlines())) <= 80
    assert "blorx" in shown


@pytest.mark.parametrize("text", ["auc>=0.5", "auc", "speed>3", "auc>x", ""])
def test_read_limit_says_what_is_no_limit(text):
    with pytest.raises(DataError, match=r"^--fail-if: not a limit. Found .* Give one of auc, mix, unseen, confidence and a number"):
        read_limit(text)


def test_passed_limits_says_which(halves, model):
    drift = measure_drift(*halves, model)
    assert passed_limits(drift, [read_limit("mix>90%"), read_limit("confidence>0.01")]) == [
        f"confidence is {drift.figures['confidence'][0]:.3f} (confidence>0.01)"
    ]


def test_passed_limits_refuses_a_figure_that_is_not_there(halves, model):
    with pytest.raises(DataError, match=r"^--fail-if auc>0.7: no such figure. Found \d+ new and 0 reference interactions."):
        passed_limits(measure_drift(halves[0], None, model), [read_limit("auc>0.7")])


def test_command_exits_1_with_one_line_where_a_limit_is_passed(halves, model_folder, tmp_path):
    halves[0][["text"]].to_csv(tmp_path / "new.csv", index=False)
    halves[1][["text"]].to_csv(tmp_path / "old.csv", index=False)
    files = [str(tmp_path / "new.csv"), "--since", str(tmp_path / "old.csv"), "-m", str(model_folder)]
    fine, failed = (CliRunner().invoke(main, ["drift", *files, "--fail-if", limit]) for limit in ("auc>0.9", "confidence<99%"))
    assert (fine.exit_code, failed.exit_code) == (0, 1)
    assert "Error: " in failed.stderr
    assert "drifted. Found confidence is 0." in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_command_works_on_scored_files(halves, model_folder, tmp_path):
    halves[0][["text"]][:30].to_csv(tmp_path / "new.csv", index=False)
    runner, folder = CliRunner(), str(model_folder)
    runner.invoke(main, ["score", str(tmp_path / "new.csv"), "-m", folder, "-o", str(tmp_path / "scored.csv"), "--quiet"])
    shown = runner.invoke(main, ["drift", str(tmp_path / "scored.csv"), "--since", str(tmp_path / "new.csv"), "-m", folder])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("30 new, 30 reference interactions")
