"""What reviewing brings: a simulation in which known labels answer as a reviewer would, and when to stop."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from servicenlp.adaptation import adapt
from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import DataError
from servicenlp.evaluation import evaluate
from servicenlp.labelling import PREFIX, label_frame
from servicenlp.rulebook import Rulebook

ORDERS = ("uncertain", "random")
COLUMNS = ["order", "reviewed", "accuracy", "kappa", "stability"]
_WINDOW = 3

Floats = NDArray[np.float64]


def learning_curve(
    pool: pd.DataFrame,
    test: pd.DataFrame,
    *,
    book: Rulebook,
    step: int = 100,
    rounds: int = 10,
    weak: float = 0.3,
    orders: Sequence[str] = ORDERS,
    voter: ServiceClassifier | None = None,
    make_model: Callable[[], ServiceClassifier] | None = None,
    seed: int = 0,
    progress: Callable[[int], Any] | None = None,
) -> pd.DataFrame:
    """Simulate a review that starts without labels, and judge what each batch of it brings.

    Rules label the pool. A model learns from these weak labels; then, round by round, the next
    items are reviewed (their true level replaces the weak one) and the model learns anew from all.
    Where there is a model to begin with, it votes beside the rules, and is adapted rather than
    trained anew.

    Parameters
    ----------
    pool : DataFrame
        Interactions to review, with columns text and level; the level is shown to the reviewer only.
    test : DataFrame
        Interactions to judge on, with text and level, from other writers than the pool's.
    book : Rulebook
        The rules.
    step, rounds : int
        How many items are reviewed at a time, and how often.
    weak : float
        What a weak label counts, times its probability; a reviewed one counts 1.
    orders : sequence of str
        uncertain: the model's least sure items first, by the margin between its two most probable
        levels. random: any.
    voter : ServiceClassifier, optional
        A model that votes beside the rules and is adapted (see `adapt`). It must not have learnt
        from `pool` or `test`, as the shipped one has from the project's own corpus.
    make_model : callable, optional
        Without `voter`: returns an unfitted model; a quick one by default.
    seed : int
        Of the random order.
    progress : callable, optional
        Called with 1 after each model.

    Returns
    -------
    DataFrame
        `COLUMNS`: by order and number of reviewed items, accuracy and quadratic kappa of the level
        on `test`, and stability, the kappa between the levels that this and the last model give to
        the pool (see `when_to_stop`; missing in the first row).

    Raises
    ------
    DataError
        If a column is missing, an order is unknown, or the rules label too little to begin with.

    Notes
    -----
    Margin sampling: Settles 2009, *Active Learning Literature Survey*.

    Examples
    --------
    >>> import pandas as pd
    >>> from servicenlp.rulebook import read_rules
    >>> table = pd.read_json("data/plain.jsonl", lines=True, nrows=900)
    >>> curve = learning_curve(table[:600], table[600:], book=read_rules(), rounds=2)
    >>> curve[["order", "reviewed"]].values.tolist()
    [['uncertain', 0], ['uncertain', 100], ['uncertain', 200], ['random', 0], ['random', 100], ['random', 200]]
    """
    _check(pool, test, orders)
    pool, test = pool.reset_index(drop=True), test.reset_index(drop=True)
    told = label_frame(pool[["text"]], book=book, model=voter)
    level = told[PREFIX + "level"].to_numpy(float)
    if len(np.unique(level[~np.isnan(level)])) < 2:
        raise DataError(f"pool: too little to begin with. Found fewer than two levels by rules in {len(pool)} texts. Add texts or rules.")
    trust = np.nan_to_num(told[PREFIX + "weight"].to_numpy(float)) * weak
    make = make_model or (lambda: ServiceClassifier(folds=2, max_iter=40))
    learn = partial(adapt, voter) if voter is not None else (lambda *known: make().fit(*known))
    random = np.random.default_rng(seed).random(len(pool))
    rows = []
    for order in orders:
        before = None
        for review in _rounds(pool, level, trust, learn, step, rounds, random if order == "random" else None):
            rows.append({"order": order, **_judge(review, before, test)})
            before = review.proba
            if progress:
                progress(1)
    return pd.DataFrame(rows, columns=COLUMNS)


def _check(pool: pd.DataFrame, test: pd.DataFrame, orders: Sequence[str]) -> None:
    for name, table in (("pool", pool), ("test", test)):
        if missing := {"text", "level"} - set(table):
            raise DataError(f"{name}: no column {sorted(missing)[0]!r}. Found {', '.join(map(repr, table.columns[:8]))}. Add it.")
    if unknown := [order for order in orders if order not in ORDERS]:
        raise DataError(f"orders: no such order. Found {unknown[0]!r}. Choose from {', '.join(ORDERS)}.")


class _Round(NamedTuple):
    """A model, after how many reviewed items, and what it says of the pool."""

    model: ServiceClassifier
    reviewed: int
    proba: Floats


def _rounds(
    pool: pd.DataFrame,
    level: Floats,
    weight: Floats,
    learn: Callable[..., ServiceClassifier],
    step: int,
    rounds: int,
    random: Floats | None,
) -> Iterator[_Round]:
    """Learn, review the next items, and so on; the least sure ones unless their order is drawn."""
    level, weight, reviewed = level.copy(), weight.copy(), np.zeros(len(pool), bool)
    for _ in range(rounds + 1):
        known = ~np.isnan(level) & (weight > 0)
        model = learn(pool["text"][known], pd.DataFrame({"level": level[known].astype(int)}), weight[known])
        proba = model.predict_proba(pool["text"])
        yield _Round(model, int(reviewed.sum()), proba)
        top = np.sort(proba, axis=1)
        unsure = top[:, -2] - top[:, -1] if random is None else random
        chosen = [i for i in np.argsort(-unsure, kind="stable") if not reviewed[i]][:step]
        if not chosen:
            return
        reviewed[chosen] = True
        level[chosen], weight[chosen] = pool["level"].to_numpy(float)[chosen], 1.0


def _judge(review: _Round, before: Floats | None, test: pd.DataFrame) -> dict[str, Any]:
    """Return what a round's model is worth on the test, and how far it agrees with the last one on the pool."""
    proba = review.model.predict_proba(test["text"])
    figures = evaluate(test[["level"]], pd.DataFrame({"level": proba.argmax(axis=1) + 1}), proba)
    stability = float("nan") if before is None else float(cohen_kappa_score(before.argmax(axis=1), review.proba.argmax(axis=1)))
    return {
        "reviewed": review.reviewed, "accuracy": figures["level accuracy"], "kappa": figures["level quadratic kappa"],
        "stability": stability,
    }  # fmt: skip


def when_to_stop(curve: pd.DataFrame, stability: float = 0.95) -> int | None:
    """Tell after how many reviewed items one may stop, from what is known without true labels.

    Parameters
    ----------
    curve : DataFrame
        The rows of one order of `learning_curve`, or of a real review: reviewed and stability.
    stability : float
        How alike the models must have become.

    Returns
    -------
    int or None
        The number of reviewed items at which the mean stability of the last three rounds first
        reaches it; None if it does not.

    Notes
    -----
    Bloodgood and Vijay-Shanker 2009, *A Method for Stopping Active Learning Based on Stabilizing
    Predictions and the Need for User-Adjustable Stopping*. They stop at 0.99; a lower value stops
    earlier, at some loss.

    Examples
    --------
    >>> import pandas as pd
    >>> told = pd.DataFrame({"reviewed": [0, 100, 200, 300, 400], "stability": [float("nan"), 0.7, 0.96, 0.97, 0.98]})
    >>> when_to_stop(told)
    400
    """
    steady = curve["stability"].rolling(_WINDOW).mean() >= stability
    return int(curve["reviewed"][steady].iloc[0]) if steady.any() else None


def reviews_saved(curve: pd.DataFrame) -> pd.DataFrame:
    """Tell how many items in random order bring what the uncertain ones bring.

    Returns
    -------
    DataFrame
        By number of reviewed items: kappa of both orders, gain over the random order, and
        random_reviewed, the smallest number in random order that reaches as much (missing where none does).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("uncertain", 0, 0.5), ("uncertain", 100, 0.7), ("random", 0, 0.5), ("random", 100, 0.6), ("random", 200, 0.7)]
    >>> told = pd.DataFrame(rows, columns=["order", "reviewed", "kappa"])
    >>> reviews_saved(told)[["reviewed", "random_reviewed"]].values.tolist()
    [[0, 0], [100, 200]]
    """
    by = {order: part.set_index("reviewed")["kappa"] for order, part in curve.groupby("order")}
    rows = [
        {
            "reviewed": reviewed, "uncertain": kappa, "random": by["random"].get(reviewed, np.nan),
            "gain": kappa - by["random"].get(reviewed, np.nan),
            "random_reviewed": next((n for n, other in by["random"].items() if other >= kappa), np.nan),
        }
        for reviewed, kappa in by["uncertain"].items()
    ]  # fmt: skip
    return pd.DataFrame(rows)
