import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict

from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.taxonomy import TARGETS, values

WORDS = "awful poor usual good wonderful astonishing".split()
TEXTS = [f"{word} {noun} from them today" for word in WORDS for noun in ("room", "meal", "parcel", "call")]
LEVELS = [level for level in range(1, 7) for _ in range(4)]


def classifier(**parameters) -> ServiceClassifier:
    """A classifier whose level is the most probable one."""
    return ServiceClassifier(criminal_cost=1, **parameters)


@pytest.fixture(scope="module")
def fitted() -> ServiceClassifier:
    return classifier().fit(TEXTS, LEVELS)


def test_classifier_clone_is_unfitted_with_the_same_parameters(fitted):
    copy = clone(fitted.set_params(n_jobs=None))
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "coef_")


def test_classifier_get_params_names_what_init_takes():
    assert ServiceClassifier(C=2, n_jobs=1).get_params() == {
        "C": 2,
        "min_df": 2,
        "folds": 3,
        "max_iter": 150,
        "criminal_cost": 2.0,
        "criminal_recall": None,
        "class_weight": None,
        "random_state": None,
        "n_jobs": 1,
    }


def test_classifier_set_params_returns_self():
    model = ServiceClassifier()
    assert model.set_params(C=1.5, folds=2) is model
    assert (model.C, model.folds) == (1.5, 2)


def test_classifier_is_a_classifier():
    assert is_classifier(ServiceClassifier())


def test_fit_returns_self():
    model = ServiceClassifier()
    assert model.fit(TEXTS, LEVELS) is model


def test_fit_learns(fitted):
    assert fitted.predict(TEXTS).tolist() == LEVELS
    assert fitted.score(TEXTS, LEVELS) == 1


def test_fit_twice_gives_the_same_bytes(fitted):
    again = classifier().fit(TEXTS, LEVELS).fit(TEXTS, LEVELS)
    assert again.coef_.tobytes() == fitted.coef_.tobytes()
    assert again.intercept_.tobytes() == fitted.intercept_.tobytes()
    assert again.vocabulary_.keys.tobytes() == fitted.vocabulary_.keys.tobytes()
    assert again.temperatures_ == fitted.temperatures_


def test_fit_again_forgets_what_was_learnt_before():
    model = classifier().fit(TEXTS, {"level": LEVELS, "cause": ["none", "process"] * 12})
    model.fit(TEXTS, LEVELS)
    assert list(model.outputs_) == list(model.offsets_) == list(model.unseen_scores_) == ["level"]


def test_fit_does_not_depend_on_the_number_of_processes(fitted):
    other = classifier(n_jobs=2).fit(TEXTS, LEVELS)
    assert other.coef_.tobytes() == fitted.coef_.tobytes()


@pytest.mark.parametrize("labels", [LEVELS, np.array(LEVELS), pd.Series(LEVELS, index=range(50, 74)), {"level": LEVELS}])
def test_fit_takes_labels_in_any_form(fitted, labels):
    assert classifier().fit(iter(TEXTS), labels).coef_.tobytes() == fitted.coef_.tobytes()


def test_fit_takes_a_frame_with_any_index(fitted):
    labels = pd.DataFrame({"level": LEVELS, "note": "x"}, index=range(50, 74))
    assert classifier().fit(pd.Series(TEXTS), labels).coef_.tobytes() == fitted.coef_.tobytes()


def test_fit_trains_only_the_targets_given():
    model = classifier().fit(TEXTS, {"cause": ["none", "process"] * 12, "level": LEVELS})
    assert model.outputs_ == {"level": slice(0, 6), "cause": slice(6, 11)}
    assert model.coef_.shape[1] == 11


def test_fit_leaves_out_missing_labels_of_one_target_only():
    cause = [None] * 4 + ["process", "none"] * 10
    model = classifier().fit(TEXTS, pd.DataFrame({"level": LEVELS, "cause": cause}))
    assert model.predict(TEXTS).tolist() == LEVELS


@pytest.mark.parametrize("gap", [None, np.nan])
def test_fit_bears_missing_levels(gap):
    labels = [gap if i % 7 == 0 else level for i, level in enumerate(LEVELS)]
    assert len(classifier().fit(TEXTS, {"level": labels}).predict(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize("rare", [1, 2])
def test_fit_bears_a_rare_class(rare):
    labels = [6] * rare + [min(level, 5) for level in LEVELS[rare:]]
    proba = classifier().fit(TEXTS, labels).predict_proba(TEXTS)
    assert np.isfinite(proba).all()


@pytest.mark.parametrize("rare", [1, 2])
def test_fit_bears_a_rare_class_beside_a_single_other(rare):
    cause = ["process"] * rare + ["none"] * (len(TEXTS) - rare)
    proba = classifier().fit(TEXTS, {"level": LEVELS, "cause": cause}).predict_proba(TEXTS, target="cause")
    assert np.isfinite(proba).all()


def test_fit_gives_an_unseen_label_next_to_no_probability():
    proba = classifier().fit(TEXTS, [min(level, 5) for level in LEVELS]).predict_proba(TEXTS)
    assert proba.shape == (24, 6)
    assert (proba.argmin(axis=1) == 5).all()
    assert proba[:, 5].max() < 0.05


def test_fit_heeds_sample_weight():
    texts, labels = [*TEXTS, *TEXTS], [*LEVELS, *[2] * 24]
    weight = np.repeat([1.0, 1e-3], 24)
    assert classifier().fit(texts, labels, weight).predict(TEXTS).tolist() == LEVELS


def test_fit_keeps_groups_on_one_side_of_a_fold():
    group = np.repeat(WORDS, 4)
    together = classifier().fit(TEXTS, LEVELS, groups=group).unseen_scores_["level"].argmax(axis=1) + 1
    assert (together == LEVELS).mean() < 0.5  # no fold had read the word that decides
    apart = classifier().fit(TEXTS, LEVELS).unseen_scores_["level"].argmax(axis=1) + 1
    assert (apart == LEVELS).mean() > 0.9


def test_fit_bears_a_single_group():
    assert classifier().fit(TEXTS, LEVELS, groups=["one"] * 24).predict(TEXTS).tolist() == LEVELS


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], [1], r"Training: texts and labels differ in number. Found 2 and 1. Give one label a text."),
        (TEXTS, [7, *LEVELS[1:]], r"Training: level has unknown labels. Found 7. Use 1, 2, 3, 4, 5, 6."),
        (TEXTS, {"primary": ["fail", "none"] * 12}, r"Training: primary has unknown labels. Found 'fail'. Use none, failed, delighted."),
        (TEXTS, [3] * 24, r"Training: level needs two different labels at least. Found fewer. Drop the column or add labels."),
        (TEXTS, {"level": LEVELS, "ring": [None] * 24}, r"Training: ring needs two different labels at least."),
        ([], [], r"Training: level needs two different labels at least."),
        (["aa bb", "cc dd", "ee ff", "gg hh"], [1, 2, 1, 2], r"Training: "),  # no term occurs twice
        (["...", "", "!", "?"], [1, 2, 1, 2], r"Training: "),
    ],
)
def test_fit_says_what_is_wrong(texts, labels, message):
    with pytest.raises(DataError, match=message):
        ServiceClassifier().fit(texts, labels)


def test_fit_refuses_labels_without_a_target():
    with pytest.raises(DataError, match="Training: "):
        classifier().fit(TEXTS, {"levels": LEVELS})


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_frame", "decision_function"])
def test_unfitted_classifier_says_so(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(ServiceClassifier(), method)(["a"])


@pytest.mark.parametrize("target", TARGETS)
def test_predict_proba_sums_to_one_and_is_never_negative(model, learned, target):
    proba = model.predict_proba(learned["text"][:200], target=target)
    assert proba.shape == (200, len(values(target)))
    assert proba.sum(axis=1) == pytest.approx(np.ones(200))
    assert (proba >= 0).all()


def test_predict_is_the_most_probable_level_with_regard_to_criminal_cost(model, learned):
    texts = learned["text"][::3]
    cost = [model.criminal_cost, 1, 1, 1, 1, 1]
    assert (model.predict(texts) == model.classes_[(model.predict_proba(texts) * cost).argmax(axis=1)]).all()


def test_predict_is_the_most_probable_level_where_all_cost_the_same():
    model = classifier().fit(TEXTS, LEVELS)
    texts = ["awful good room", "poor room astonishing meal", "zxqv"]
    assert (model.predict(texts) == model.classes_[model.predict_proba(texts).argmax(axis=1)]).all()


def test_predict_frame_holds_every_target_in_order(model, interactions):
    frame = model.predict_frame(interactions["text"])
    assert list(frame)[: len(TARGETS)] == list(TARGETS)
    assert frame["level"].tolist() == model.predict(interactions["text"]).tolist()


def test_predict_fits_what_was_learnt(model, interactions):
    assert (abs(model.predict(interactions["text"]) - interactions["level"]) <= 1).mean() > 0.9


def test_predict_of_a_batch_is_that_of_each_text(model, interactions):
    texts = interactions["text"].tolist()
    alone = np.vstack([model.decision_function([text]) for text in texts])
    assert model.decision_function(texts) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["..."], ["Bot: hello there"], ["zxqv"]])
def test_predict_bears_texts_without_known_words(model, texts):
    proba = model.predict_proba(texts)
    assert proba.shape == (len(texts), 6)
    assert len(model.predict(texts)) == len(texts)


def test_classifier_works_in_cross_val_predict():
    folds = [(np.setdiff1d(np.arange(24), np.arange(noun, 24, 4)), np.arange(noun, 24, 4)) for noun in range(4)]
    guess = cross_val_predict(classifier(folds=2), np.array(TEXTS), np.array(LEVELS), cv=folds)
    assert guess.tolist() == LEVELS


def test_classifier_survives_a_pickle(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy.predict(TEXTS).tolist() == LEVELS


def test_terms_have_the_names_of_their_columns(fitted):
    assert len(fitted.terms_) == len(fitted.vocabulary_) == len(fitted.coef_)
    column = fitted.terms_.index("awful")
    assert fitted.coef_[column, :6].argmax() == 0
