"""Which rules earn their place: coverage, overlaps, conflicts, accuracy, and what each got wrong."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.corpus import label_columns
from servicenlp.labelling import PREFIX, Ballots
from servicenlp.readers import Source
from servicenlp.rulebook import Rulebook
from servicenlp.scoring import BATCH
from servicenlp.taxonomy import CATEGORY_NAMES, as_label

_TARGETS = ("level", *CATEGORY_NAMES)
COLUMNS = ["rule", "votes_for", "votes", "coverage", "overlap", "conflict", "judged", "accuracy"]


class Analysis(NamedTuple):
    """What is known of each rule.

    Attributes
    ----------
    table : DataFrame
        `COLUMNS`, a row for each rule: how many interactions it votes on, their share, the shares
        of them on which another rule votes for the same target too, and for nothing that this one
        votes for; how many have labels, and the share of those where all it votes for is right.
    errors : DataFrame
        A row for each vote that a label contradicts: rule, row (from 0), target, voted, label, found
        (the words) and text.
    """

    table: pd.DataFrame
    errors: pd.DataFrame


def analyse_rules(book: Rulebook, ballots: Ballots, texts: Sequence[Any], labels: pd.DataFrame | None = None) -> Analysis:
    """Judge rules by each other and, where there are any, by labels.

    Parameters
    ----------
    book : Rulebook
        The rules.
    ballots : Ballots
        What they voted.
    texts : sequence
        The interactions.
    labels : DataFrame, optional
        The targets known, row by row the same interactions; None or NaN where one is not.

    Examples
    --------
    >>> from servicenlp.labelling import collect_votes
    >>> from servicenlp.rulebook import read_rules
    >>> book, texts = read_rules(), ["Rude staff.", "The staff were rude but the room was lovely."]
    >>> found = analyse_rules(book, collect_votes(book, None, texts), texts, pd.DataFrame({"level": [2, 4]}))
    >>> found.table[found.table.rule == "staff-unkind"][["votes", "conflict", "judged", "accuracy"]].values.tolist()
    [[2.0, 0.5, 2.0, 0.5]]
    >>> found.errors[["rule", "row", "voted", "label"]].values.tolist()[0]
    ['staff-unkind', 1, '1 or 2', 4]
    """
    found = ballots.votes.found
    judged, right, errors = _judge(book, ballots, texts, labels)
    rows = []
    for k, rule in enumerate(book.rules):
        size = int(found[:, k].sum())
        overlap, conflict = _meetings(book, found, k)
        wanted = [*map(str, rule.votes.get("level", ())), *(f"{t} {'/'.join(map(str, v))}" for t, v in rule.votes.items() if t != "level")]
        seen = int(judged[:, k].sum())
        rows.append(
            {
                "rule": rule.id, "votes_for": ", ".join(wanted), "votes": size, "coverage": size / max(len(found), 1),
                "overlap": overlap, "conflict": conflict, "judged": seen,
                "accuracy": float(right[judged[:, k], k].mean()) if seen else np.nan,
            }
        )  # fmt: skip
    return Analysis(
        pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(errors, columns=["rule", "row", "target", "voted", "label", "found", "text"])
    )


def _meetings(book: Rulebook, found: NDArray[np.bool_], k: int) -> tuple[float, float]:
    """Return the shares of a rule's votes where others vote on its targets too, and where they contradict it."""
    own = found[:, k]
    if not own.any():
        return 0.0, 0.0
    meets, contradicts = np.zeros(len(own), bool), np.zeros(len(own), bool)
    for j, other in enumerate(book.rules):
        shared = set(other.votes) & set(book.rules[k].votes) if j != k else set()
        meets |= found[:, j] if shared else False
        contradicts |= found[:, j] if any(not set(other.votes[t]) & set(book.rules[k].votes[t]) for t in shared) else False
    return float(meets[own].mean()), float(contradicts[own].mean())


def _judge(
    book: Rulebook, ballots: Ballots, texts: Sequence[Any], labels: pd.DataFrame | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], list[dict[str, Any]]]:
    """Compare each vote with the labels of its interaction."""
    found = ballots.votes.found
    judged, right = np.zeros_like(found), np.ones_like(found)
    errors: list[dict[str, Any]] = []
    targets = [target for target in _TARGETS if labels is not None and target in labels]
    known = {target: labels[target].tolist() for target in targets} if labels is not None else {}
    for i, k in zip(*np.nonzero(found), strict=True):
        for target, voted in book.rules[k].votes.items():
            label = known[target][i] if target in known else None
            if label is None or label != label:
                continue
            judged[i, k] = True
            if label not in voted:
                right[i, k] = False
                place = ballots.votes.places[i, k]
                errors.append(
                    {
                        "rule": book.rules[k].id, "row": int(i), "target": target, "voted": " or ".join(map(str, voted)),
                        "label": label, "found": texts[i][place.start : place.end], "text": texts[i],
                    }
                )  # fmt: skip
    return judged, right, errors


def read_sources(sources: Sequence[Source]) -> tuple[list[Any], pd.DataFrame]:
    """Return the texts of some exports, and the targets that columns of theirs tell.

    Labels stand where `read_corpus` looks for them, but for those that `servicenlp label` gave; what
    is none of the target's values is no label.
    """
    texts: list[Any] = []
    told: dict[str, list[Any]] = {target: [] for target in _TARGETS}
    for source in sources:
        names = source.table.columns
        held = label_columns(name for name in names if not name.startswith(PREFIX))
        places = {target: [names.index(name) for name in held.get(target, ())] for target in _TARGETS}
        for batch in source.batches(BATCH):
            texts += batch.texts
            for target, at in places.items():
                told[target] += [next((label for k in at if (label := as_label(target, row[k])) is not None), None) for row in batch.rows]
    return texts, pd.DataFrame({target: pd.Series(column, dtype=object) for target, column in told.items()})


def render(analysis: Analysis) -> str:
    """Return the table for a terminal of 80 columns, the rules that vote most first."""
    table = analysis.table.sort_values(["votes", "rule"], ascending=[False, True], kind="stable")
    judged = table["judged"].any()
    lines = [f"{'rule':<27} {'votes for':<20} {'votes':>5} {'cover':>6} {'over':>5} {'confl':>5}" + (f" {'right':>5}" if judged else "")]
    for row in table.to_dict("records"):
        shares = f"{row['votes']:>5} {row['coverage']:>6.1%} {row['overlap']:>5.2f} {row['conflict']:>5.2f}"
        right = f" {row['accuracy']:5.2f}" if row["judged"] else ""
        lines.append(f"{row['rule'][:27]:<27} {_short(row['votes_for']):<20} {shares}{right}")
    return "\n".join(lines)


def _short(votes: str) -> str:
    text = votes.replace("failed", "-").replace("delighted", "+").replace("relationship", "rel").replace(" -", "-").replace(" +", "+")
    return text if len(text) <= 20 else text[:19] + "…"
