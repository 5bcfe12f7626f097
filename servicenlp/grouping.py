"""Which interactions must stay on one side of a split: those of one family, and near-copies of each other."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.review.near_copies import near_copies


def split_groups(table: pd.DataFrame) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Return the group of each interaction, and which ones have a near-copy in another group.

    Parameters
    ----------
    table : DataFrame
        As `read_corpus` gives it: text, family and file. A family that only names its file says
        nothing of the writer; such an interaction is a group of its own, with its near-copies.

    Returns
    -------
    groups : Series of str
        Families where they are known. They are not merged: a stock phrase in each of them would
        make one group of all.
    leaks : array of bool, shape (n_interactions,)
        Those whose words a model has met although it had read nothing of their group; figures
        are better taken without them.

    Examples
    --------
    >>> table = pd.DataFrame({"text": ["Late again, no call", "Lovely staff", "late again, no call"]})
    >>> split_groups(table.assign(family="mine", file="mine"))[0].tolist()
    ['copies of 0', 'copies of 1', 'copies of 0']
    """
    copies = near_copies(list(table["text"]))
    families = [family if family != file else "" for family, file in zip(map(str, table["family"]), map(str, table["file"]), strict=True)]
    hosts: dict[int, str] = {}
    for copy, family in zip(copies, families, strict=True):
        if family:
            hosts.setdefault(copy, family)
    named = [family or hosts.get(copy, f"copies of {copy}") for copy, family in zip(copies, families, strict=True)]
    groups = pd.Series(named, index=table.index, dtype=object)
    return groups, (groups.groupby(np.array(copies, int)).transform("nunique") > 1).to_numpy(bool)
