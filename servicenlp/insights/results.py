"""What the themes return: tables that carry their meaning and its source, and the collection of them."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from servicenlp.errors import DataError


@dataclass(frozen=True)
class Result:
    """One table.

    Attributes
    ----------
    name, title : str
        As a file and as a heading.
    theme : str
        The chapter it belongs to.
    frame : DataFrame
        The figures.
    meaning : str
        What the columns say and how they come about.
    source : str
        Whose idea it serves.
    finding : str
        One sentence that says what it shows.
    """

    name: str
    title: str
    theme: str
    frame: pd.DataFrame
    meaning: str
    source: str
    finding: str


def describe(name: str, frame: pd.DataFrame, finding: str, **figures: object) -> Result:
    """Return a table with its meaning, which stands in `rules/tables.toml`; `figures` are those that the meaning names."""
    told = _definitions()[name]
    meaning = told["meaning"].format(**figures)
    frame.attrs.update(title=told["title"], meaning=meaning, source=told["source"])
    return Result(name, told["title"], told["theme"], frame, meaning, told["source"], finding)


def many(n: int, what: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> many(1, "interaction"), many(2000, "interaction")
    ('1 interaction', '2,000 interactions')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def percent(share: float) -> str:
    """Return a share in percent; a small one is not written as none.

    Examples
    --------
    >>> percent(0.0123), percent(0.0004), percent(0)
    ('1.2%', 'less than 0.1%', '0.0%')
    """
    return "less than 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


@cache
def _definitions() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("servicenlp").joinpath("rules/tables.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Insights(Mapping[str, pd.DataFrame]):
    """All tables by name, in the order of the themes.

    Attributes
    ----------
    results : dict of str to Result
        The tables with their meaning, source and finding.
    quotations : DataFrame
        Sampled quotations: theme, subject, by, group, row (from 1), level, period, text, and the
        place in it (start, end) that is quoted.
    definitions : DataFrame
        What every table and every rule means, and its source.
    about : dict
        What was counted: rows, scored, dated, by, columns, period.

    Examples
    --------
    >>> import servicenlp
    >>> from servicenlp import insights
    >>> scored = servicenlp.score_frame(pd.DataFrame({"text": ["Never again, they lied.", "All fine."], "team": ["A", "B"]}))
    >>> found = insights.compute(scored, by=["team"])
    >>> found["standing"].columns[:4].tolist()
    ['by', 'group', 'measure', 'n']
    >>> found.results["standing"].source
    'Kaufman: six levels of service.'
    """

    results: dict[str, Result]
    quotations: pd.DataFrame
    definitions: pd.DataFrame
    about: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.results[name].frame

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def quotes(self, theme: str, subject: str, by: str = "", group: str = "(all)") -> pd.DataFrame:
        """Return the quotations for one subject, of the whole or of a group."""
        table = self.quotations
        chosen = (table["theme"] == theme) & (table["subject"] == subject) & (table["by"] == by) & (table["group"] == group)
        return table[chosen].reset_index(drop=True)

    def write(self, folder: str | Path, force: bool = False) -> list[Path]:
        """Write every table as CSV into a folder, with definitions.csv and quotations.csv beside them.

        Raises
        ------
        DataError
            If one of the files is there already and not `force`, or the folder cannot be written to.
        """
        folder = Path(folder)
        tables = {**self, "quotations": self.quotations, "definitions": self.definitions, "about": _flat(self.about)}
        paths = {folder / f"{name}.csv": table for name, table in tables.items()}
        there = [path for path in paths if path.exists()]
        if there and not force:
            raise DataError(f"{there[0]}: is there already. Found {len(there)} of our files. Choose another folder or add --force.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, table in paths.items():
                part = path.with_name(f".{path.name}.part")
                table.to_csv(part, index=False, encoding="utf-8", lineterminator="\r\n")
                part.replace(path)
        except OSError as error:
            raise DataError(f"{folder}: cannot be written. Found: {error.strerror}. Choose a folder that you may write to.") from error
        return list(paths)


def _flat(about: dict[str, Any]) -> pd.DataFrame:
    told = {key: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value for key, value in about.items()}
    return pd.DataFrame({"what": list(told), "value": list(told.values())})
