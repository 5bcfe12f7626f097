"""Scored rows to plain records: level, categories, groups, period, words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from servicenlp.columns import SCORED
from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, Table
from servicenlp.insights.files import ScoredFile
from servicenlp.readers import recognise
from servicenlp.review.satisfaction import plain_rating, rating_columns, read_scale
from servicenlp.scoring import PREFIX
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS

PERIODS = {"week": "W-SUN", "month": "M", "quarter": "Q"}
OURS = ("level", "p_level_1", "p_level_6", *CATEGORY_NAMES, "ring", "cause", "interest", "flags", "evidence", "evidence_start",
        "evidence_end", "interaction", "status", "model")  # fmt: skip
_DATE_NAMES = re.compile(r"created|opened|received|submitted|posted|sent|started|date|day|time|\bwhen\b|_at$", re.IGNORECASE)
_LONGEST_RATING = 40
_BEGUN = re.compile(r"created|opened|received|submitted|posted|sent|started", re.IGNORECASE)
_DATED = re.compile(r"\d{4}-\d\d?-\d|\d{1,2}[/.]\d{1,2}[/.]\d{2}|\d{1,2}[ /-][A-Za-z]{3}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{9,13}$")


@dataclass
class Plan:
    """Which columns mean what.

    Attributes
    ----------
    by : tuple of str
        Columns of groups; "week", "month" and "quarter" are told from the date where no column has that name.
    date, text, csat : str
        The columns of the date, the words and the customer's own rating; empty if there is none.
    period : str
        "week", "month" or "quarter".
    prefix : str
        What the names of the scored columns begin with.
    dayfirst : bool
        Whether 03/04/2026 is in April.
    """

    by: tuple[str, ...] = ()
    date: str = ""
    period: str = "month"
    text: str = ""
    csat: str = ""
    prefix: str = PREFIX
    dayfirst: bool = True

    @property
    def columns(self) -> list[str]:
        """The columns of a scored file that are read."""
        return list(dict.fromkeys([*(self.prefix + own for own in OURS), *filter(None, [*self.by, self.date, self.text, self.csat])]))


def make_plan(columns: Sequence[str], sample: pd.DataFrame, name: str, plan: Plan) -> Plan:
    """Check the columns that are named, and find the others.

    Raises
    ------
    DataError
        If a column is not there.
    """
    prefix = plan.prefix
    if lacking := [prefix + own for own in ("level", "status") if prefix + own not in columns]:
        raise DataError(f"{name}: not scored. Found no column {lacking[0]!r}. Score it first: servicenlp score {name} -o scored.csv.")
    known = {column.lower(): column for column in reversed(columns)}
    by = tuple(name if name in columns else known.get(name.lower(), name) for name in plan.by)
    plan = replace(plan, by=by, date=plan.date if plan.date in columns else known.get(plan.date.lower(), plan.date))
    for column in (*plan.by, plan.date, plan.text, plan.csat):
        if column and column not in columns and column not in PERIODS:
            theirs = ", ".join(repr(c) for c in columns if not c.startswith(prefix))
            raise DataError(f"{name}: no column {column!r}. Found {theirs}. Name one of these.")
    if plan.period not in PERIODS:
        raise DataError(f"period: no such period. Found {plan.period!r}. Choose from {', '.join(PERIODS)}.")
    if any(column in PERIODS and column not in columns for column in plan.by) and not plan.date:
        raise DataError(f"{name}: groups by time without a date. Found no date column. Name it with date (--date).")
    others = sample[[column for column in columns if not column.startswith(prefix)]]
    first = [str(cell) for cell in sample[plan.date].dropna()] if plan.date else []
    days = [int(told[2]) for cell in first if (told := re.match(r"(\d{1,2})[/.](\d{1,2})[/.]\d{2,4}", cell.strip()))]
    return Plan(plan.by, plan.date, plan.period, plan.text or _text_column(others, name), plan.csat or _csat_column(others),
                prefix, plan.dayfirst and not any(day > 12 for day in days))  # fmt: skip


def _text_column(theirs: pd.DataFrame, name: str) -> str:
    rows = [[MISSING if _empty(cell) else cell for cell in row] for row in theirs.to_numpy().tolist()]
    table = Table(name, "", list(theirs.columns), len(rows), lambda: ((row, None) for row in rows))
    try:
        return recognise(table, Options()).text_column
    except DataError:
        return ""  # the interaction is in a column of ours, or no words are there: the levels are enough for most


def _csat_column(theirs: pd.DataFrame) -> str:
    for column in rating_columns(list(theirs.columns)):
        scale, score = read_scale(theirs[column].tolist(), column)
        if scale and np.count_nonzero(~np.isnan(score)) >= 3:
            return str(column)
    return ""


def find_date(path: Path, prefix: str = PREFIX) -> str:
    """Return the column of a scored file that tells when an interaction began; empty if there is none."""
    rows = ScoredFile(path).head()
    told = {str(name): _words(rows[name]) for name in rows if not str(name).startswith(prefix) and _DATE_NAMES.search(str(name))}
    dated = [name for name, cells in told.items() if (cells != "").any() and cells[cells != ""].str.match(_DATED).mean() > 0.8]
    return min(dated, key=lambda name: not _BEGUN.search(name), default="")


def _empty(cell: Any) -> bool:
    return cell is None or cell is MISSING or cell is pd.NA or cell != cell


def canonical(rows: pd.DataFrame, plan: Plan, first: int = 0) -> pd.DataFrame:
    """Return one record for each scored row.

    Parameters
    ----------
    rows : DataFrame
        As they stand in the scored file.
    plan : Plan
        Which columns mean what.
    first : int
        How many rows came before.

    Returns
    -------
    DataFrame
        `row` (from 1), `level` (1 to 6), `p_bad`, `p_top`, the four categories, `ring`, `cause`,
        `interest`, `flags`, `evidence`, `start`, `end`, `text`, `period` ("" where no date is
        known), `csat` (the customer's answer, "" for none) and ``by:NAME`` for each group column.
    """
    prefix = plan.prefix
    numbers = np.arange(first + 1, first + 1 + len(rows))
    scored = (rows[prefix + "status"] == SCORED).to_numpy()
    rows, numbers = rows[scored], numbers[scored]
    level = pd.to_numeric(rows[prefix + "level"], errors="coerce")
    if not level.isin([label.value for label in LEVELS]).all():
        bad = rows.loc[~level.isin([label.value for label in LEVELS]), prefix + "level"].iloc[0]
        raise DataError(f"Scored rows: {bad!r} is not a level. Levels are 1 to 6. Score the file again.")

    def told(name: str, default: Any = "") -> pd.Series:
        return rows[prefix + name] if prefix + name in rows else pd.Series(default, index=rows.index)

    out = pd.DataFrame({"row": numbers, "level": level.to_numpy(int)}, index=rows.index)
    out["p_bad"] = pd.to_numeric(told("p_level_1", 0), errors="coerce").fillna(0)
    out["p_top"] = pd.to_numeric(told("p_level_6", 0), errors="coerce").fillna(0)
    for name in (*CATEGORY_NAMES, "ring", "cause", "interest"):
        out[name] = _words(told(name, "none")).replace("", "none")
    for name in ("flags", "evidence", "model"):
        out[name] = _words(told(name))
    out["start"] = pd.to_numeric(told("evidence_start", -1), errors="coerce").fillna(-1).astype(int)
    out["end"] = pd.to_numeric(told("evidence_end", -1), errors="coerce").fillna(-1).astype(int)
    made = _words(told("interaction"))
    out["text"] = made.where(made != "", _words(rows[plan.text]) if plan.text else out["evidence"])
    dates = parse_dates(rows[plan.date], plan.dayfirst) if plan.date else pd.Series(pd.NaT, index=rows.index)
    out["period"] = periods(dates, plan.period)
    out["csat"] = rows[plan.csat].map(_rating) if plan.csat else ""
    for column in plan.by:
        out[f"by:{column}"] = _words(rows[column]).str.strip().replace("", "(none)") if column in rows else periods(dates, column)
    return out


def _rating(cell: Any) -> str:
    """Return a customer's own rating in small letters; words that are none are not kept."""
    return told if len(told := plain_rating(cell)) <= _LONGEST_RATING else ""


def _words(cells: pd.Series) -> pd.Series:
    """Return cells as strings, empty where there is nothing; whole numbers that became floats as they were."""
    if cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=False) in ("string", "empty"):
        return cells
    filled = cells.where(~cells.isna(), "") if cells.dtype == object else cells.astype(object).where(cells.notna(), "")
    return filled.map(
        lambda cell: cell if isinstance(cell, str) else "" if cell is MISSING else f"{cell:g}" if isinstance(cell, float) else str(cell)
    )


def parse_dates(cells: pd.Series, dayfirst: bool = True) -> pd.Series:
    """Return dates, NaT where none can be told; also of seconds since 1970; a day is the one that is written, whatever its offset.

    Examples
    --------
    >>> parse_dates(pd.Series(["2026-03-04 09:12", "04/03/2026", "not yet", "1772611200"])).dt.strftime("%d %b").tolist()
    ['04 Mar', '04 Mar', nan, '04 Mar']
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells.dt.tz_convert(None) if getattr(cells.dtype, "tz", None) is not None else cells
    words = _words(cells).str.strip()
    days = words.str.slice(0, 10).where(words.str.match(r"\d{4}-\d\d-\d\d(?:[ T]|$)"), words)  # a day is enough, and much quicker
    unique = pd.Series(days.unique())
    seconds = pd.to_numeric(unique.where(unique.str.fullmatch(r"\d{9,13}(?:\.\d+)?")), errors="coerce")
    seconds = seconds.where(seconds < 1e11, seconds / 1000)
    iso = unique.str.match(r"\d{4}-\d\d")  # where the day never stands first, whatever the others do
    words_only = unique.where(seconds.isna())
    told = _told(words_only.where(iso), "ISO8601", False).fillna(_told(words_only.where(~iso), "mixed", dayfirst))
    return days.map(dict(zip(unique, told.fillna(pd.to_datetime(seconds, unit="s")), strict=True))).astype("datetime64[ns]")


def _told(words: pd.Series, form: str, dayfirst: bool) -> pd.Series:
    return pd.to_datetime(words, errors="coerce", format=form, dayfirst=dayfirst, utc=True).dt.tz_localize(None)


def periods(dates: pd.Series, period: str) -> pd.Series:
    """Return the name of each date's period, empty where there is no date: "2026-03", "2026Q1", "2026-W09"."""
    if period == "week":
        iso = dates.dt.isocalendar()
        return (iso["year"].astype("Int64").astype(str) + "-W" + iso["week"].astype("Int64").astype(str).str.zfill(2)).where(
            dates.notna(), ""
        )
    return dates.dt.to_period(PERIODS[period]).astype(str).where(dates.notna(), "")
