"""ServiceClassifier keeps scikit-learn's contract, as far as it can be kept for texts."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError

WORDS = "awful poor usual good wonderful astonishing".split()
NOUNS = ("room", "meal", "parcel", "call")
TEXTS = np.array([f"{word} {noun} from them today" for word in WORDS for noun in NOUNS])
LEVELS = np.repeat(np.arange(1, 7), 4)
FOLDS = [(np.setdiff1d(np.arange(24), np.arange(noun, 24, 4)), np.arange(noun, 24, 4)) for noun in range(4)]
LABELS = pd.DataFrame({"level": LEVELS, "cause": ["none", "process"] * 12})

Classifier = partial(ServiceClassifier, criminal_cost=1, folds=2, max_iter=40)

# The checks that fit on numbers are left out: see the tests below for the same on texts.
CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.fixture(scope="module")
def fitted() -> ServiceClassifier:
    return Classifier().fit(TEXTS, LABELS)


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_check_passes(check):
    getattr(estimator_checks, check)("ServiceClassifier", ServiceClassifier())


def test_tags_ask_for_texts():
    tags = ServiceClassifier().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.target_tags.required


def test_fit_sets_only_names_that_end_in_an_underscore():
    model = Classifier()
    before = dict(vars(model))
    model.fit(TEXTS, LABELS)
    assert {name: vars(model)[name] for name in before} == before
    assert [name for name in set(vars(model)) - set(before) if not name.endswith("_")] == []


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_frame", "decision_function"])
def test_predicting_changes_nothing(fitted, method):
    before = pickle.dumps(fitted)
    getattr(fitted, method)(TEXTS)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predictions_do_not_depend_on_the_rest_of_the_batch_or_its_order(fitted, method):
    whole = getattr(fitted, method)(TEXTS)
    order = np.random.default_rng(0).permutation(24)
    assert getattr(fitted, method)(TEXTS[order]) == pytest.approx(whole[order], abs=1e-5)


def test_decision_function_ranks_as_the_probabilities_do(fitted):
    assert (fitted.decision_function(TEXTS).argmax(axis=1) == fitted.predict_proba(TEXTS).argmax(axis=1)).all()
    assert fitted.decision_function(TEXTS, target="cause").shape == (24, 5)


@pytest.mark.parametrize(
    "texts",
    [list(TEXTS), tuple(TEXTS), TEXTS.reshape(-1, 1), pd.Series(TEXTS), pd.DataFrame({"body": TEXTS}),
     pd.DataFrame({"id": range(24), "text": TEXTS})],
)  # fmt: skip
def test_fit_and_predict_take_texts_in_any_form(fitted, texts):
    model = Classifier().fit(texts, LABELS)
    assert model.coef_.tobytes() == fitted.coef_.tobytes()
    assert model.predict(texts).tolist() == LEVELS.tolist()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "Texts: one text where several are wanted. Found a str. Put it into a list."),
        (["a b", None], "Texts, number 1: not a text. Found 'None'."),
        (["a b", np.nan], "Texts, number 1: not a text. Found 'nan'."),
        (np.zeros((2, 2)), "Texts, number 0: not a text."),
        (pd.DataFrame({"id": [1], "body": ["a"]}), "Texts: no column 'text' among several. Found 'id', 'body'."),
    ],
)
def test_predict_says_what_is_no_text(fitted, texts, message):
    with pytest.raises(DataError, match=message):
        fitted.predict(texts)


def test_predict_proba_says_which_targets_there_are(fitted):
    with pytest.raises(DataError, match=r"Model: not trained for 'ring'. Found level, cause. Choose one of them."):
        fitted.predict_proba(TEXTS, target="ring")


def test_predict_frame_holds_labels_and_probabilities(fitted):
    frame = fitted.predict_frame(pd.Series(TEXTS, index=range(100, 124)))
    assert list(frame)[:3] == ["level", "cause", "p_level_1"]
    assert frame.index[0] == 100
    assert frame.filter(like="p_cause_").sum(axis=1).to_numpy() == pytest.approx(np.ones(24))
    assert frame["p_level_2"].to_numpy() == pytest.approx(fitted.predict_proba(TEXTS)[:, 1])


def test_score_is_the_accuracy_of_the_level(fitted):
    assert fitted.score(TEXTS, LABELS) == fitted.score(TEXTS, LEVELS) == 1
    gaps = LABELS.assign(level=LABELS["level"].where(np.arange(24) % 2 == 0))
    assert fitted.score(TEXTS, gaps, sample_weight=np.ones(24)) == 1


def test_weight_0_is_as_if_left_out():
    texts, labels = [*TEXTS, *["strange words nobody else uses"] * 3], [*LEVELS, 1, 1, 1]
    weighted = Classifier(folds=1).fit(texts, labels, [1.0] * 24 + [0.0] * 3)
    without = Classifier(folds=1).fit(TEXTS, LEVELS)
    assert weighted.terms_ == without.terms_
    assert weighted.coef_ == pytest.approx(without.coef_, abs=1e-3)


@pytest.mark.parametrize("weight", [[1.0], [-1.0] * 24, [0.0] * 24, [np.nan] * 24])
def test_fit_refuses_weights_that_are_none(weight):
    with pytest.raises(DataError, match=r"Training: (weights must|not one weight)"):
        Classifier().fit(TEXTS, LEVELS, weight)


def test_class_weight_makes_a_level_likelier():
    texts, levels = [*TEXTS, *TEXTS], [*LEVELS, *[2] * 24]
    plain, heavy = (Classifier(class_weight=w).fit(texts, levels) for w in (None, {5: 50.0}))
    assert heavy.predict_proba(TEXTS)[:, 4].mean() > plain.predict_proba(TEXTS)[:, 4].mean() + 0.05


def test_class_weight_balanced_is_for_every_target():
    rare = LABELS.assign(cause=["person"] * 3 + ["none"] * 21)
    plain, balanced = (Classifier(class_weight=w, C=0.1).fit(TEXTS, rare) for w in (None, "balanced"))
    assert balanced.predict_proba(TEXTS, "cause")[:3, 2].mean() > plain.predict_proba(TEXTS, "cause")[:3, 2].mean()


@pytest.mark.parametrize(("weight", "found"), [("heavy", "'heavy'"), ({7: 2.0}, "7")])
def test_class_weight_must_be_weights_of_levels(weight, found):
    with pytest.raises(DataError, match=f"^class_weight: .* Found {found}."):
        Classifier(class_weight=weight).fit(TEXTS, LEVELS)


def test_random_state_draws_the_folds_only():
    one, same, other = (Classifier(random_state=seed).fit(TEXTS, LEVELS) for seed in (1, 1, 2))
    assert one.unseen_scores_["level"].tobytes() == same.unseen_scores_["level"].tobytes()
    assert one.unseen_scores_["level"].tobytes() != other.unseen_scores_["level"].tobytes()
    assert one.coef_.tobytes() == other.coef_.tobytes()


def test_criminal_recall_chooses_the_cost():
    texts = [f"{word} {noun}" for word in ("late", "broken") for noun in NOUNS for _ in range(10)]
    levels = [1 if i % 10 < share else 2 for i, share in enumerate(np.repeat([6, 2], 40))]

    for recall in (0.5, 0.7, 1.0):
        model = Classifier(criminal_recall=recall).fit(texts, levels)
        proba = calibration.probabilities(model.unseen_scores_["level"], model.temperatures_["level"])
        guess = calibration.decide(proba, model.offsets_["level"]) + 1
        assert (guess == 1)[np.array(levels) == 1].mean() >= recall
        assert recall == 1 or (guess == 1).mean() < 1


def test_criminal_recall_needs_examples():
    model = Classifier(criminal_recall=0.9).fit(TEXTS, LEVELS)
    assert model.offsets_["level"].tolist() == [0] * 6


def test_criminal_recall_must_be_a_share():
    with pytest.raises(DataError, match=r"Recall: not a share. Found 95. Give a number above 0, at most 1"):
        Classifier(criminal_recall=95).fit(TEXTS, np.where(LEVELS < 3, 1, LEVELS))


def test_fit_tells_how_far_it_is():
    told = []
    Classifier().fit(TEXTS, LABELS, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_works_at_the_end_of_a_pipeline():
    pipeline = make_pipeline(FunctionTransformer(np.char.lower), Classifier()).fit(np.char.upper(TEXTS), LABELS)
    assert pipeline.predict(np.char.upper(TEXTS)).tolist() == LEVELS.tolist()
    assert pipeline.predict_proba(np.char.upper(TEXTS), target="cause").shape == (24, 5)
    assert clone(pipeline)[-1].get_params() == pipeline[-1].get_params()


@pytest.mark.parametrize("labels", [LEVELS, LABELS], ids=["levels", "targets"])
def test_works_in_a_grid_search(labels):
    pipeline = Pipeline([("service", Classifier())])
    search = GridSearchCV(pipeline, {"service__min_df": [18, 2]}, cv=FOLDS).fit(TEXTS, labels)
    assert search.best_params_ == {"service__min_df": 2}
    assert search.predict(TEXTS).tolist() == LEVELS.tolist()


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr", "f1_macro"])
def test_works_with_the_usual_scores(scoring):
    assert np.isfinite(cross_val_score(Classifier(), TEXTS, LEVELS, cv=FOLDS, scoring=scoring)).all()


def test_several_targets_work_with_a_splitter():
    assert cross_val_predict(Classifier(), TEXTS, LABELS, cv=GroupKFold(2), groups=np.tile(NOUNS, 6)).tolist() == LEVELS.tolist()


def test_works_with_groups():
    groups = np.tile(NOUNS, 6)
    assert cross_val_score(Classifier(), TEXTS, LEVELS, cv=GroupKFold(2), groups=groups).tolist() == [1, 1]


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("top", [6, 5], ids=["all levels", "level 6 lacking"])
def test_works_in_cross_val_predict_of_probabilities(method, top):
    levels = np.minimum(LEVELS, top)
    proba = cross_val_predict(Classifier(), TEXTS, levels, cv=FOLDS, method=method)
    assert proba.shape == (24, top)
    assert (proba.argmax(axis=1) + 1 == levels).all()
    if method == "predict_proba":
        assert proba.sum(axis=1) == pytest.approx(np.ones(24))


def test_numbered_anew_means_criminal_first():
    model = Classifier().fit(TEXTS, LEVELS - 1)
    assert model.classes_.tolist() == [0, 1, 2, 3, 4, 5]
    assert model.predict(TEXTS).tolist() == (LEVELS - 1).tolist()
    assert model.predict_frame(TEXTS)["level"].tolist() == LEVELS.tolist()


def test_several_targets_must_have_names():
    with pytest.raises(DataError, match=r"Training: labels without names. Found an array of 2 dimensions. Give a DataFrame"):
        Classifier().fit(TEXTS, np.zeros((24, 2)))
