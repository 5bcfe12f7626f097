"""One scored interaction, and its identity, by which verdicts find it again in any file."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from servicenlp.interactions import Turn, split_turns


class Item(NamedTuple):
    """One scored interaction.

    Attributes
    ----------
    key : str
        Its identity: a hash of the id and the words, so that verdicts outlast rescoring and reordering.
    id : str
        The row's own id; "row 17" if it has none.
    text : str
        What was judged; the evidence's offsets count its characters.
    fields : dict
        The original row, without what it lacks.
    prediction : dict
        Our columns by their names without the prefix (see `servicenlp.scoring.COLUMNS`), numbers
        as numbers, an empty cell as None; without the columns interaction and status.
    """

    key: str
    id: str
    text: str
    fields: dict[str, Any]
    prediction: dict[str, Any]

    @property
    def turns(self) -> list[Turn]:
        """Who says what in the text."""
        return split_turns(self.text)


def make_keys(ids: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the identity of each item; blanks do not count, the same once more gets a key of its own.

    Examples
    --------
    >>> one, again, other = make_keys(["7", "7", "8"], ["Never  again", "Never again", "Never again"])
    >>> len({one, again, other}), one == make_keys(["7"], ["Never again"])[0]
    (3, True)
    """
    seen: Counter[str] = Counter()
    keys = []
    for own, text in zip(ids, texts, strict=True):
        key = digest(own, " ".join(text.split()))
        seen[key] += 1
        keys.append(key if seen[key] == 1 else digest(key, str(seen[key])))
    return keys


def digest(*parts: str) -> str:
    """Return a short name for some texts, the same for the same ones."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]
