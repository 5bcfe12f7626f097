"""In whose words: the clause of the customer that a reader would quote for the level.

Clauses are ranked by a linear score, learnt from the quotations in the training data: what their
words add to the score of the level, words that quotations hold, and where in the text they stand.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from servicenlp.classifier import ServiceClassifier
from servicenlp.features import LAST_SPACE, Terms, count_terms, find_terms
from servicenlp.interactions import split_turns

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

MAX_WORDS = 20  # the limit of a quotation
_GOOD = 3  # index of the first good level
_NEVER = 1e6  # more than any score: the agent is not quoted
_LENGTH = 1  # column of `Clauses.form`


class Spans(NamedTuple):
    """The evidence of each text of a batch: character offsets and turn; start is -1 where there is none."""

    start: Ints
    end: Ints
    turn: Ints


class Clauses(NamedTuple):
    """The clauses of a batch.

    Attributes
    ----------
    first, last : array of int, shape (n_clauses,)
        Index of the first and the last word.
    text : array of int
        Index of the text.
    agent : array of bool
        Whether the agent said it.
    counts : sparse matrix, shape (n_clauses, n_terms)
        Known terms.
    divisor : array of float
        Root of their number plus one, as for a whole text.
    form : array, shape (n_clauses, 5)
        What the clause adds to the score of the level; the logarithm of its number of words;
        whether it stands in one of the first two turns of a bad or in a later one of a good conversation;
        whether it is the last clause of its text.
    worth : array, shape (n_words,)
        What each word adds to the score of the level.
    """

    first: Ints
    last: Ints
    text: Ints
    agent: NDArray[np.bool_]
    counts: sparse.csr_matrix
    divisor: Floats
    form: Floats
    worth: Floats


def learn_evidence(model: ServiceClassifier, texts: list[str], level: Ints, quotations: list[str]) -> None:
    """Learn from quotations which clauses are quoted; sets `evidence_coef_` and `evidence_form_`.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    texts : list of str
        Interactions.
    level : array of int, shape (n_texts,)
        Index of each text's level.
    quotations : list of str
        Exact quotations from the texts; texts with an empty one teach nothing.
    """
    quoted = [i for i, quotation in enumerate(quotations) if quotation]
    if not quoted:
        return
    texts, level, quotations = [texts[i] for i in quoted], level[quoted], [quotations[i] for i in quoted]
    terms = find_terms(texts, [split_turns(text) for text in texts])
    clauses = _clauses(model, terms, model.vocabulary_.find(terms.key), level)
    begins = np.array([text.find(quotation) for text, quotation in zip(texts, quotations, strict=True)])
    ends = begins + [len(quotation) for quotation in quotations]
    of_word, _ = _word_texts(terms)
    inside = (terms.start >= begins[of_word]) & (terms.end <= ends[of_word])
    total = np.bincount(of_word, inside, len(texts))[clauses.text]
    held = np.concatenate([[0], np.cumsum(inside)])
    common = held[clauses.last + 1] - held[clauses.first]
    overlap = 2 * common / (total + clauses.last + 1 - clauses.first)  # F1 of the clause as that quotation
    within = common >= (clauses.last + 1 - clauses.first) / 2
    rivals = (np.bincount(clauses.text, minlength=len(texts))[clauses.text] > 1) & ~clauses.agent
    if len(np.unique(within[rivals])) < 2:
        return
    form = clauses.form.copy()
    form[:, _LENGTH] = 0  # a short clause is soon within a quotation, but is a poor one: weighed below
    matrix = sparse.hstack([sparse.diags(1 / clauses.divisor) @ clauses.counts, sparse.csr_matrix(form)]).tocsr()
    fitted = LogisticRegression(C=0.5, solver="liblinear").fit(matrix[rivals], within[rivals])
    model.evidence_coef_ = fitted.coef_[0, : len(model.vocabulary_)].astype(np.float32)
    model.evidence_form_ = fitted.coef_[0, len(model.vocabulary_) :].astype(np.float32)
    score, length = matrix @ fitted.coef_[0] - _NEVER * clauses.agent, clauses.form[:, _LENGTH]
    weights = np.linspace(0, 2, 21)
    gains = [overlap[_best(score + weight * length, clauses.text)].mean() for weight in weights]
    model.evidence_form_[_LENGTH] = weights[int(np.argmax(gains))]


def _best(score: Floats, text: Ints) -> Ints:
    """Return the clause with the largest score of each text; clauses come text by text."""
    changes = np.diff(text, prepend=-1) > 0
    largest = np.maximum.reduceat(score, np.flatnonzero(changes))[np.cumsum(changes) - 1]
    best = np.flatnonzero(score == largest)
    return best[np.diff(text[best], prepend=-1) > 0]


def find_evidence(model: ServiceClassifier, terms: Terms, columns: Ints, level: Ints, n_texts: int) -> Spans:
    """Find the clause to quote for each text.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    terms, columns
        The batch's terms and their columns in the model.
    level : array of int, shape (n_texts,)
        Index of each text's level.
    n_texts : int
        Size of the batch.
    """
    spans = Spans(*(np.full(n_texts, -1) for _ in range(3)))
    if not len(terms.start):
        return spans
    clauses = _clauses(model, terms, columns, level)
    score = clauses.counts @ model.evidence_coef_ / clauses.divisor + (clauses.form * model.evidence_form_).sum(axis=1)
    best = _best(score - _NEVER * clauses.agent, clauses.text)
    best = best[~clauses.agent[best]]
    first, last = clauses.first[best], clauses.last[best].copy()
    for i in np.flatnonzero(last - first >= MAX_WORDS):
        first[i] += _densest(clauses.worth[first[i] : last[i] + 1])
        last[i] = first[i] + MAX_WORDS - 1
    at = clauses.text[best]
    spans.start[at], spans.end[at], spans.turn[at] = terms.start[first], terms.end[last], terms.turn[first]
    return spans


def _clauses(model: ServiceClassifier, terms: Terms, columns: Ints, level: Ints) -> Clauses:
    """Split a batch into clauses and describe each."""
    of_word, agent = _word_texts(terms)
    opens = np.flatnonzero(np.diff(terms.clause, prepend=-1))
    closes = np.append(opens[1:], len(of_word)) - 1
    number = np.cumsum(np.diff(terms.clause, prepend=-1) != 0) - 1
    fresh = terms.space < LAST_SPACE  # copies in the last turn say nothing new
    counts = count_terms(number[terms.word[fresh]], columns[fresh], (len(opens), len(model.vocabulary_)))
    divisor = np.sqrt(np.diff(counts.indptr) + 1)
    worth = _worth(model, terms, columns, level)
    form = _form(terms, opens, closes, of_word, worth, level)
    return Clauses(opens, closes, of_word[opens], agent[opens], counts, divisor, form, worth)


def _form(terms: Terms, opens: Ints, closes: Ints, of_word: Ints, worth: Floats, level: Ints) -> Floats:
    """Describe how and where each clause stands; see `Clauses`."""
    text, turn = of_word[opens], terms.turn[opens]
    last_turn = np.zeros(len(level), np.int64)
    last_turn[of_word] = terms.turn  # the last word's stays
    talked = last_turn[text] > 0
    early, good = turn <= 1, level[text] >= _GOOD  # some conversations are opened by the agent
    return np.column_stack(
        [
            np.add.reduceat(worth, opens),
            np.log(closes - opens + 1),
            talked & early & ~good,
            talked & ~early & good,
            np.append(text[1:] != text[:-1], True),
        ]
    ).astype(np.float32)


def _word_texts(terms: Terms) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the text of each word, and whether the agent said it."""
    words = slice(len(terms.start))
    return terms.text[words], terms.by_agent[words]


def _worth(model: ServiceClassifier, terms: Terms, columns: Ints, level: Ints) -> Any:
    """Return what each word adds to the score of its text's level; a pair's is shared by its words."""
    known = np.flatnonzero(columns >= 0)
    weights = model.level_contrast()
    place = columns[known] * weights.shape[1] + level[terms.text[known]]
    word, length = terms.word[known], terms.length[known]
    value = weights.ravel()[place] / length  # one index is found sooner than two
    paired = length == 2
    size = len(terms.start)
    return np.bincount(word, value, size) + np.bincount(word[paired] + 1, value[paired], size)


def _densest(worth: Floats) -> int:
    """Return where the window of `MAX_WORDS` words with the largest sum begins."""
    total = np.concatenate([[0], np.cumsum(worth)])
    return int(np.argmax(total[MAX_WORDS:] - total[:-MAX_WORDS]))
