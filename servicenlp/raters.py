"""Whose labels are compared: raters from label files and stores of decisions, one by one or group by group.

Jim Clemmer has frontline, managers and customers each say what the minimum is and what more is:
where the verdicts of such groups part, they expect different things.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from servicenlp.consensus import merge_labels
from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.exchange import read_export
from servicenlp.records import VERDICTS, find_id
from servicenlp.taxonomy import CATEGORY_NAMES

TARGETS = ("level", *CATEGORY_NAMES)
_STORES = (".db", ".sqlite", ".sqlite3")

Rating = dict[str, Any]  # the labels of one item by target


class Rater(NamedTuple):
    """One rater, or a group taken as one.

    Attributes
    ----------
    name : str
        Who.
    ratings : dict of str to dict
        By item, the labels by target.
    """

    name: str
    ratings: dict[str, Rating]


class Texts(NamedTuple):
    """The ids and texts of items by their names here."""

    ids: dict[str, str]
    texts: dict[str, str]


def read_raters(sources: Iterable[str], *, strict: bool = True, text_column: str | None = None) -> tuple[list[Rater], Texts]:
    """Read raters' labels.

    Parameters
    ----------
    sources : iterable of str
        Label files, each a rater named as the file; exports of Argilla or Label Studio, each person
        in them a rater; stores of decisions (a database's URL, or a file ending in .db), each
        reviewer in them a rater.
    strict, text_column
        As for `read_corpus`.

    Returns
    -------
    raters : list of Rater
        One a file, one a reviewer.
    texts : Texts
        Of the items. Two labels are of one item if their words are the same; blanks do not count.
        Where a rater met the same words under several ids, the ids must be the same too.

    Raises
    ------
    DataError
        If a source cannot be read, or a rater labels an item twice in different ways.
    """
    told: list[tuple[str, str, str, dict[str, Any]]] = []
    for source, title in name_sources(sources).items():
        for name, rows in (_of_store(source) if _is_store(source) else _of_file(source, title, strict, text_column)).items():
            told += [(source, name, " ".join(str(row["text"]).split()), row) for row in rows]
    repeated = _repeated((name, words, _id(row)) for _, name, words, row in told)
    raters: dict[str, Rater] = {}
    texts = Texts({}, {})
    for source, name, words, row in told:
        item = f"{words}\x1f{_id(row)}" if words in repeated else words
        texts.texts.setdefault(item, str(row["text"]))
        texts.ids[item] = texts.ids.get(item) or _id(row)
        labels = {target: row[target] for target in TARGETS if row.get(target) is not None and row[target] == row[target]}
        labels |= {"level": int(labels["level"])} if "level" in labels else {}  # a column with gaps holds 2.0
        if raters.setdefault(name, Rater(name, {})).ratings.setdefault(item, labels) != labels:
            raise DataError(f"{source}: {name} labels an item twice. Found {words[:40]!r} with other labels. Keep one of them.")
    return list(raters.values()), texts


def _id(row: Mapping[str, Any]) -> str:
    own = row.get("id")
    return "" if own is None or own != own else str(own)


def _repeated(met: Iterable[tuple[str, str, str]]) -> set[str]:
    """Return the words that some rater met under several ids."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, words, own in met:
        ids[name, words].add(own)
    return {words for (_, words), found in ids.items() if len(found) > 1}


def name_sources(sources: Iterable[str]) -> dict[str, str]:
    """Return the name of the rater of each label file: the file's, with its folder where that alone is not enough.

    Examples
    --------
    >>> name_sources(["ann/labels.jsonl", "bob/labels.jsonl", "eve.csv"])
    {'ann/labels.jsonl': 'ann/labels', 'bob/labels.jsonl': 'bob/labels', 'eve.csv': 'eve'}
    """
    given = list(dict.fromkeys(sources))
    stems = Counter(Path(source).stem for source in given)
    return {source: path.stem if stems[path.stem] == 1 else str(path.with_suffix("")) for source in given for path in [Path(source)]}


def read_groups(
    labels: Sequence[str], groups: Sequence[str], *, strict: bool = True, text_column: str | None = None
) -> tuple[list[Rater], Texts]:
    """Read raters, and take those of a group as one.

    Parameters
    ----------
    labels : sequence of str
        See `read_raters`.
    groups : sequence of str
        NAME=A,B ...: a member is a label file, or a rater of `labels`. Without any, raters stay by themselves.
    strict, text_column
        As for `read_corpus`.

    Raises
    ------
    DataError
        As `read_raters` does, or if a group is not written so, or a member unknown.
    """
    members: dict[str, list[str]] = {}
    for group in groups:
        name, equals, told = group.partition("=")
        members[name.strip()] = [member.strip() for member in told.split(",") if member.strip()]
        if not (name.strip() and equals and members[name.strip()]):
            raise DataError(f"--group: not a group. Found {group!r}. Write NAME=A,B with label files or reviewers.")
    sources = [*labels, *(member for told in members.values() for member in told if _is_store(member) or Path(member).is_file())]
    raters, texts = read_raters(sources, strict=strict, text_column=text_column)
    titles = name_sources(sources)
    if not members:
        return raters, texts
    return group_raters(raters, {group: [titles.get(member, member) for member in told] for group, told in members.items()}), texts


def _is_store(source: str) -> bool:
    return "://" in source or Path(source).suffix.lower() in _STORES


def _of_file(source: str, title: str, strict: bool, text_column: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each person in an annotation tool's export, or those of the one who made the file."""
    export = read_export(source)
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    named = find_id(name for row in export.rows for name in row) if export else None
    for row in export.rows if export else ():
        for verdict in row.get(VERDICTS, ()):
            text = row.get("service_interaction") or row.get("label_interaction") or row.get(export.text if export else "text", "")
            people[verdict["who"]].append({"id": row.get(named or "id"), "text": text, **verdict["labels"]})
    if people:
        return people
    table = read_corpus(source, strict=strict, text_column=text_column).table
    return {title: [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]}


def _of_store(source: str) -> dict[str, list[dict[str, Any]]]:
    from servicenlp.review.labels import collect_labels
    from servicenlp.review.store import open_store

    store = open_store(source, create=False)
    found = {reviewer: collect_labels(store, reviewer, bulk=False) for reviewer in store.reviewers()}
    store.close()
    return {reviewer: rows for reviewer, rows in found.items() if rows}


def group_raters(raters: Sequence[Rater], groups: Mapping[str, Sequence[str]]) -> list[Rater]:
    """Return each group as one rater: its members' labels merged by `merge_labels`.

    Parameters
    ----------
    raters : sequence of Rater
        All members.
    groups : mapping of str to sequence of str
        Names of raters by group.

    Raises
    ------
    DataError
        If a member is unknown.
    """
    known = {rater.name: rater for rater in raters}
    found = []
    for group, names in groups.items():
        if unknown := [name for name in names if name not in known]:
            raise DataError(
                f"--group {group}: no rater {unknown[0]!r}. Found {', '.join(known)}. Name label files, or reviewers of a store."
            )
        by_item: dict[str, list[Rating]] = defaultdict(list)
        for name in names:
            for item, labels in known[name].ratings.items():
                by_item[item].append(labels)
        found.append(Rater(group, {item: merge_labels(labels).labels for item, labels in by_item.items()}))
    return found
