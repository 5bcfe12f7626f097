"""Votes to probabilities: how far each rule is to be believed, learnt without labels.

A rule says one thing or nothing, so a rule that is right tells by *when* it votes. Dawid and Skene
(1979) take a missing vote for no evidence and learn nothing from such voters; what is estimated here
is how often each rule votes within each label, by their expectation-maximisation.
``data/experiments.md`` has the figures beside a majority vote and crowd-kit's models.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]

TRUST = 0.8  # how often a rule is right before anything is known of it
STRENGTH = 200.0  # interactions that this belief counts for
OVERLAP = 0.5  # what a vote counts: rules that overlap see the same words, and are no independent witnesses
STEPS = 10
_FLOOR = 1e-4


class Weighed(NamedTuple):
    """What the votes come to.

    Attributes
    ----------
    proba : array, shape (n_interactions, n_labels)
        Probabilities of the labels, rows summing to 1.
    belief : array, shape (n_rules, n_labels)
        How probable each label is where the rule votes, all else set aside.
    """

    proba: Floats
    belief: Floats


def weigh_votes(found: ArrayLike, supports: ArrayLike, proba: ArrayLike | None = None, prior: ArrayLike | None = None) -> Weighed:
    """Turn votes into probabilities of labels.

    Parameters
    ----------
    found : array of bool, shape (n_interactions, n_rules)
        Which rules vote.
    supports : array of bool, shape (n_rules, n_labels)
        Which labels each rule votes for; several share its vote.
    proba : array, shape (n_interactions, n_labels), optional
        A model's calibrated probabilities: one more voter, and one that never abstains.
    prior : array, shape (n_labels,), optional
        How frequent the labels are thought to be; alike by default. Unused with `proba`.

    Returns
    -------
    Weighed
        Nothing random is in it: the same votes give the same.

    Notes
    -----
    After Dawid and Skene 1979, *Maximum Likelihood Estimation of Observer Error-Rates Using the EM
    Algorithm*; the beliefs that it starts from, and goes back to where data are few, say that a rule
    is right in four of five cases.

    Examples
    --------
    >>> weighed = weigh_votes([[True, True], [True, False], [False, True]], [[True, False], [False, True]])
    >>> weighed.proba.round(2).tolist()
    [[0.5, 0.5], [0.67, 0.33], [0.33, 0.67]]
    """
    votes, supported = np.asarray(found, float), np.asarray(supports, bool)
    n_labels = supported.shape[1]
    start = np.full(n_labels, 1 / n_labels) if prior is None else np.asarray(prior, float)
    if proba is not None:
        given = np.asarray(proba, float)
        start = (given.sum(axis=0) + 1) / (len(given) + n_labels)
        base = np.log(given + _FLOOR)
    else:
        base = np.broadcast_to(np.log(start), (len(votes), n_labels))
    named = supported.sum(axis=1, keepdims=True)
    first = np.where(supported, TRUST / named, (1 - TRUST) / np.maximum(n_labels - named, 1))
    gain = np.log(first * n_labels)  # by how much a vote lifts a label
    posterior = softmax(base + OVERLAP * votes @ gain, axis=1)
    expected = votes.mean(axis=0)[:, None] * first * n_labels if len(votes) else first
    rate = expected
    for _ in range(STEPS if len(votes) else 0):
        size = posterior.sum(axis=0)
        rate = (votes.T @ posterior + STRENGTH * expected) / (size + STRENGTH)
        share = (size + STRENGTH * start) / (size.sum() + STRENGTH)
        gain = np.log(rate + 1e-12) - np.log(rate @ share + 1e-12)[:, None]
        posterior = softmax(base + OVERLAP * votes @ gain, axis=1)
    total = rate * (posterior.mean(axis=0) if len(votes) else start)
    return Weighed(posterior, total / np.maximum(total.sum(axis=1, keepdims=True), 1e-12))
