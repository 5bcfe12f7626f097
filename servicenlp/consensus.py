"""Several people's labels of one interaction to one, and the share of them who gave it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any, NamedTuple

from servicenlp.taxonomy import CATEGORY_NAMES, NONE, TARGETS


class Consensus(NamedTuple):
    """What several people say together.

    Attributes
    ----------
    labels : dict of str to label
        By target.
    share : float
        Of those who gave a level, who gave this one; without levels the mean of that over the other targets.
    """

    labels: dict[str, Any]
    share: float


def merge_labels(people: Sequence[Mapping[str, Any]]) -> Consensus:
    """Merge labels: the middle of the levels, and what most say of the rest.

    Parameters
    ----------
    people : sequence of mapping
        Each person's labels by target; targets may be absent.

    Notes
    -----
    Between two middles the lower level counts; between labels that are as frequent none does.

    Examples
    --------
    >>> merge_labels([{"level": 1, "primary": "failed"}, {"level": 2}, {"level": 2, "primary": "failed"}])
    Consensus(labels={'level': 2, 'primary': 'failed'}, share=0.6666666666666666)
    """
    labels: dict[str, Any] = {}
    shares: dict[str, float] = {}
    for target in TARGETS:
        told = [person[target] for person in people if target in person]
        if told:
            labels[target] = median_low(told) if target == "level" else _most(told)
            shares[target] = told.count(labels[target]) / len(told)
    if labels.get("focus") in CATEGORY_NAMES and labels.get(labels["focus"]) == NONE.value:
        del labels["focus"]  # most do not find that anything happened there
    return Consensus(labels, shares["level"] if "level" in shares else sum(shares.values()) / max(len(shares), 1))


def _most(told: Sequence[Any]) -> Any:
    (first, count), *rest = Counter(told).most_common()
    return NONE.value if rest and rest[0][1] == count else first
