"""Probabilities that mean what they say, and decisions that do justice to rare labels.

Both are fitted on scores of interactions that the model had not seen, from writers it had not
read (folds split by group), since those resemble a new customer's words most.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from servicenlp.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Probabilities are calibrated, so these words mean what they say: of the interactions called high,
# at least three in four should be right; of those called low, fewer than one in two.
CONFIDENCES = ("low", "medium", "high")
CONFIDENCE_EDGES = (0.5, 0.75)

RARE = 5  # with fewer examples of a label, no decision can be fitted to it


def fit_temperature(scores: Floats, label: Ints, weight: Floats) -> float:
    """Return the temperature that makes the true labels most likely.

    Parameters
    ----------
    scores : array, shape (n_interactions, n_labels)
        Scores before the softmax.
    label : array of int, shape (n_interactions,)
        Index of the true label.
    weight : array, shape (n_interactions,)
        What each interaction counts.

    Returns
    -------
    float
        Divide scores by it before the softmax (Guo et al. 2017, *On Calibration of Modern Neural
        Networks*).
    """

    def loss(log_temperature: float) -> float:
        return log_loss(scores / np.exp(log_temperature), label, weight)

    # Written examples are read more easily than real customers' words, so confidence may only be lowered.
    return float(np.exp(minimize_scalar(loss, bounds=(0, 2), method="bounded").x))


def log_loss(scores: Floats, label: Ints, weight: Floats) -> float:
    """Return the mean of minus the log-probability of the true label, from scores before the softmax."""
    return -float(np.average(log_softmax(scores, axis=1)[np.arange(len(label)), label], weights=weight))


def choose_offsets(proba: Floats, label: Ints, weight: Floats, reference: int = 0) -> Floats:
    """Choose what to add to each log-probability so that the largest sum decides best.

    Parameters
    ----------
    proba : array, shape (n_interactions, n_labels)
        Calibrated probabilities.
    label, weight
        As in `fit_temperature`.
    reference : int
        The label whose offset stays 0 and whose own F1 is not counted ("none").

    Returns
    -------
    array, shape (n_labels,)
        Found by coordinate search for the best mean F1 of the labels other than the reference. It
        stays 0 for labels with fewer than `RARE` examples: chance would choose it.
    """
    log_proba = np.log(proba + 1e-12)
    offsets = np.zeros(proba.shape[1])
    others = [k for k in range(proba.shape[1]) if k != reference and (label == k).sum() >= RARE]
    if not others:
        return offsets
    for _ in range(2):
        for k in others:
            trials = np.linspace(-0.5, 2.5, 31)
            gains = []
            for trial in trials:
                offsets[k] = trial
                gains.append(_mean_f1((log_proba + offsets).argmax(1), label, weight, others))
            offsets[k] = trials[int(np.argmax(gains))]
    return offsets


def _mean_f1(guess: Ints, label: Ints, weight: Floats, labels: list[int]) -> float:
    f1 = []
    for k in labels:
        hit = weight[(guess == k) & (label == k)].sum()
        f1.append(2 * hit / (weight[guess == k].sum() + weight[label == k].sum()))
    return float(np.mean(f1))


def choose_recall_offset(proba: Floats, label: Ints, weight: Floats, recall: float, wanted: int = 0) -> float | None:
    """Choose what to add to one label's log-probability so that a stated share of its interactions is found.

    Parameters
    ----------
    proba, label, weight
        As in `choose_offsets`.
    recall : float
        The share, above 0 and at most 1.
    wanted : int
        Index of the label.

    Returns
    -------
    float or None
        The smallest offset with which `decide` finds that share; None with fewer than `RARE`
        examples of the label.

    Raises
    ------
    DataError
        If the recall is not such a share.

    Examples
    --------
    >>> proba = np.tile([0.2, 0.8], (5, 1))
    >>> offset = choose_recall_offset(proba, np.zeros(5, int), np.ones(5), 0.9)
    >>> round(float(np.exp(offset)), 3)
    4.0
    """
    if not 0 < recall <= 1:
        raise DataError(f"Recall: not a share. Found {recall}. Give a number above 0, at most 1, such as 0.95.")
    own = label == wanted
    if own.sum() < RARE:
        return None
    log_proba = np.log(proba[own] + 1e-12)
    lacking = np.delete(log_proba, wanted, axis=1).max(axis=1) - log_proba[:, wanted]
    order = np.argsort(lacking)
    found = np.cumsum(weight[own][order])
    # Rounding must not cost the last of them.
    at = min(int(np.searchsorted(found, recall * found[-1] - 1e-9)), len(order) - 1)
    return float(lacking[order[at]]) + 1e-6


def probabilities(scores: Floats, temperature: float) -> Floats:
    """Return calibrated probabilities of each label, rows summing to 1."""
    return softmax(scores / temperature, axis=1)


def decide(proba: Floats, offsets: Floats) -> Ints:
    """Return the index of the label decided for each row."""
    return (np.log(proba + 1e-12) + offsets).argmax(axis=1)
