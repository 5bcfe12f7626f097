import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from servicenlp.adaptation import adapt
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.evaluation import evaluate
from servicenlp.persistence import load_model, save_model
from servicenlp.regression import fit_towards

OWN = [f"the borble {word} number {i}" for i in range(8) for word in ("frizzed", "gleamed")]
LEVELS = [2, 4] * 8


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def adapted(model) -> ServiceClassifier:
    return adapt(model, OWN, LEVELS)


def test_adapt_learns_new_words(model, adapted):
    assert model.vocabulary_.find(adapted.vocabulary_.keys).min() == -1
    assert adapted.predict(["frizzed", "gleamed"]).tolist() == [2, 4]


def test_adapt_leaves_the_given_model_as_it_was(model):
    before = model.coef_.tobytes(), model.intercept_.tobytes(), dict(model.temperatures_)
    adapt(model, OWN, LEVELS, strengths=(1.0,))
    assert (model.coef_.tobytes(), model.intercept_.tobytes(), dict(model.temperatures_)) == before


def test_adapt_does_not_forget(model, learned, interactions):
    own = learned.groupby("level").head(12)
    adapted = adapt(model, own["text"], own["level"])
    before, after = ((m.predict(interactions["text"]) == interactions["level"]).mean() for m in (model, adapted))
    assert after > before - 0.1


def test_adapt_does_not_forget_levels_that_the_labels_lack(model, learned):
    """A company that labels its complaints first."""
    bad = learned[learned["level"] <= 3].groupby("level").head(25)
    adapted = adapt(model, bad["text"], bad["level"])
    good = learned[learned["level"] >= 4]
    assert (adapted.predict(good["text"]) >= 4).mean() > 0.5
    assert (adapted.predict(bad["text"]) == bad["level"]).mean() > 0.8


def test_adapt_leaves_targets_without_labels_alone(model, adapted, interactions):
    for target in ("primary", "cause"):
        assert adapted.predict_proba(interactions["text"], target) == pytest.approx(
            model.predict_proba(interactions["text"], target), abs=1e-4
        )


def test_adapt_with_next_to_no_strength_moves_nothing(model, interactions):
    same = adapt(model, OWN, LEVELS, strengths=(1e-9,))
    assert same.decision_function(interactions["text"]) == pytest.approx(model.decision_function(interactions["text"]), abs=1e-3)


def test_adapt_adds_targets_that_the_model_lacks(model):
    levels_only = ServiceClassifier(folds=2, max_iter=20).fit(OWN, LEVELS)
    labels = pd.DataFrame({"level": LEVELS, "cause": ["process", "person"] * 8})
    both = adapt(levels_only, OWN, labels)
    assert both.predict_frame(["frizzed", "gleamed"])["cause"].tolist() == ["process", "person"]


def test_adapt_twice_gives_the_same_bytes(model, adapted):
    assert adapt(model, OWN, LEVELS).coef_.tobytes() == adapted.coef_.tobytes()


def test_adapted_model_can_be_saved(adapted, interactions, tmp_path):
    save_model(adapted, tmp_path / "mine")
    loaded = load_model(tmp_path / "mine")
    assert loaded.predict_proba(interactions["text"]) == pytest.approx(adapted.predict_proba(interactions["text"]), abs=0.01)


@pytest.mark.parametrize("labels", [[3, 3, 2], [1, 2, None]])
def test_adapt_bears_few_labels(model, labels):
    assert np.isfinite(adapt(model, ["late again", "so late", "quite late"], {"level": labels}).predict_proba(["late"])).all()


def test_adapt_says_what_is_wrong(model):
    with pytest.raises(DataError, match="Training: level needs two different labels"):
        adapt(model, ["a b", "c d"], [3, 3])


def test_adapt_beats_the_model_and_a_new_one_on_a_companys_words(model, learned):
    """A company that uses words in its own way: what others praise, it damns."""
    turned = learned[learned["level"].isin([2, 4])].sample(frac=1, random_state=0).reset_index(drop=True)
    turned = turned.assign(level=6 - turned["level"], text="zed " + turned["text"])
    own, unseen = turned[:80], turned[80:].reset_index(drop=True)
    models = {
        "given": model,
        "new": ServiceClassifier(folds=2, max_iter=30).fit(own["text"], own[["level"]]),
        "adapted": adapt(model, own["text"], own[["level"]]),
    }
    accuracy = {
        name: evaluate(unseen, m.predict_frame(unseen["text"]), m.predict_proba(unseen["text"]))["level accuracy"]
        for name, m in models.items()
    }
    assert accuracy["adapted"] > max(accuracy["given"], accuracy["new"]) + 0.05


def test_fit_towards_has_the_slope_that_it_says():
    rng = np.random.default_rng(0)
    matrix, base, label = sparse.csr_matrix(rng.normal(size=(30, 4))), rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    step = fit_towards(matrix, base, np.eye(3)[label], np.ones(30), 0.5)

    def loss(factor, coef, intercept):
        z = factor * base + matrix @ coef + intercept
        log_proba = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -log_proba[np.arange(30), label].sum() + (factor - 1) ** 2 + (coef**2).sum() + (intercept**2).sum()

    least = loss(*step)
    for _ in range(20):
        nudge = [rng.normal(scale=0.01, size=np.shape(part)) for part in step]
        assert loss(*(part + small for part, small in zip(step, nudge, strict=True))) >= least - 1e-6
