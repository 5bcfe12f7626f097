import numpy as np
import pytest

from servicenlp.calibration import choose_offsets, decide, fit_temperature, probabilities

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(500, 3)) * 2
LABEL = SCORES.argmax(axis=1)
WEIGHT = np.ones(500)


def test_fit_temperature_lowers_confidence_where_it_is_too_high():
    noisy = np.where(RNG.random(500) < 0.4, RNG.integers(0, 3, 500), LABEL)
    assert fit_temperature(SCORES * 3, noisy, WEIGHT) > 1.5


def test_fit_temperature_never_raises_confidence():
    assert fit_temperature(SCORES / 10, LABEL, WEIGHT) == pytest.approx(1, abs=1e-4)


def test_fit_temperature_heeds_weights():
    wrong = (LABEL + 1) % 3
    both, labels = np.vstack([SCORES, SCORES]), np.concatenate([LABEL, wrong])
    trusting = fit_temperature(both, labels, np.repeat([1, 0.001], 500))
    doubting = fit_temperature(both, labels, np.repeat([1, 0.5], 500))
    assert trusting < doubting


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_probabilities_sum_to_one_and_are_never_negative(temperature):
    proba = probabilities(SCORES * 50, temperature)
    assert proba.sum(axis=1) == pytest.approx(np.ones(500))
    assert (proba >= 0).all()


def test_probabilities_keep_the_order_of_scores():
    assert (probabilities(SCORES, 2.0).argmax(axis=1) == LABEL).all()


def test_choose_offsets_leaves_the_reference_at_zero():
    assert choose_offsets(probabilities(SCORES, 1), LABEL, WEIGHT)[0] == 0


def test_choose_offsets_helps_a_rare_label():
    label = np.where(RNG.random(500) < 0.1, 1, 0)
    proba = probabilities(np.column_stack([np.full(500, 2.0), label + RNG.normal(size=500) * 0.1, np.full(500, -9.0)]), 1)
    assert not (decide(proba, np.zeros(3)) == 1).any()
    assert (decide(proba, choose_offsets(proba, label, WEIGHT)) == label).mean() > 0.99


def test_choose_offsets_passes_over_labels_never_seen():
    label = LABEL % 2
    assert choose_offsets(probabilities(SCORES, 1), label, WEIGHT)[2] == 0


def test_decide_takes_the_largest_sum():
    assert decide(np.array([[0.6, 0.4], [0.9, 0.1]]), np.array([0, 1.0])).tolist() == [1, 0]


def test_decide_bears_a_probability_of_zero():
    assert decide(np.array([[0.0, 1.0]]), np.zeros(2)).tolist() == [1]
