"""Tables of insights to one self-contained HTML page: a dictionary first, the template second.

The page loads nothing, holds no script, and is the same to the byte for the same figures.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from servicenlp.errors import DataError, ServicenlpError
from servicenlp.figures import figures, group_name, groups
from servicenlp.insights import Insights, Result
from servicenlp.insights.statistics import SMALL, rows_of
from servicenlp.taxonomy import CATEGORIES, CAUSES, INTERESTS, LEVELS, RINGS

_MAX_ROWS = 120  # of a table on the page; all are in the CSV
_OPEN, _MAX_OPEN = {"changes"}, 12  # has no chart of its own
_MAX_SUBJECTS, _MAX_QUOTES = 8, 2
_MAX_READ = 10  # shown at once; the others are folded
_KEY = ("standing", "changes", "drift", "steps_up", "value_map", "causes", "wishes")  # what the page begins with
_SOURCES = (
    (
        "Ron Kaufman, Uplifting Service",
        "six levels of service, the staircase that slides down, four categories of value",
        (LEVELS, CATEGORIES),
    ),
    ("Jim Clemmer, three rings of perceived value", "where the deciding experience happened", (RINGS[1:],)),
    ("Frances Frei and Anne Morriss, Uncommon Service", "four truths; what produced the experience", (CAUSES[1:],)),
    ("Values-based service", "whose interest visibly came first", (INTERESTS[1:],)),
)
# Which quotations stand below which table: their theme, and the column that names their subjects.
_QUOTED = {
    "drift": ("gesture", "gesture"),
    "wishes": ("wish", "topic"),
    "competitors": ("competitor", "name"),
    "support_topics": ("support", "topic"),
    "interests": ("interest", "interest"),
    "who_pays": ("payment", "payment"),
    "causes": ("cause", "cause"),
    "effort": ("effort", "effort"),
    "offerings": ("offering", "offering"),
}
_PERCENT = {"share", "rest_share", "disappointed", "pleased", "bad_before", "bad_after", "share_then", "share_now", "below", "at", "gap",
            "performance", "performance_low", "performance_high", "pleased_then", "pleased_now", "disappointed_low", "disappointed_high",
            "pleased_low", "pleased_high", "low", "high"}  # fmt: skip
_NOT_PERCENT = {"means": {"low", "high"}, "means_over_time": {"low", "high", "today"}, "changes": {"low", "high"}, "rises": {"low", "high"},
                "steps_up": {"today"}}  # fmt: skip
_IDS = {"gesture", "topic", "payment", "effort", "offering", "ring", "cause", "interest"}  # where a column `name` tells it in words


def describe_page(insights: Insights, name: str) -> dict[str, Any]:
    """Return all that the page says, as plain values.

    Parameters
    ----------
    insights : Insights
        From `servicenlp.insights.compute`.
    name : str
        What was scored, as the heading tells it: a file's name.

    Returns
    -------
    dict
        `title`, `facts`, `key` (the findings it begins with), `sections` of blocks (each a table
        with its finding, charts, meaning, source and quotations), `read`, `sources`, `rules`.

    Examples
    --------
    >>> import servicenlp
    >>> from servicenlp import insights
    >>> scored = servicenlp.score_frame(pd.DataFrame({"text": ["Lovely, as ever.", "They lied to me."]}))
    >>> page = describe_page(insights.compute(scored), "chats.csv")
    >>> [section["title"] for section in page["sections"]][:2]
    ['Where we stand', 'The staircase slides down']
    """
    themes = dict.fromkeys(result.theme for result in insights.results.values())
    sections = [{"title": theme, "blocks": [_block(insights, result) for result in _told(insights, theme)]} for theme in themes]
    rules = insights.definitions[insights.definitions["kind"] == "rule"]
    return {
        "title": f"Service levels: {name}",
        "facts": _facts(insights, name),
        "tiles": _tiles(insights),
        "key": [
            (f"t-{key}", insights.results[key].title, _sentence(insights.results[key].finding)) for key in _KEY if _tells(insights, key)
        ],
        "sections": sections,
        "sources": _SOURCES,
        "rules": rows_of(rules),
        "small": SMALL,
        "redacted": insights.about["redacted"],
    }


def _told(insights: Insights, theme: str) -> list[Result]:
    """Return the tables of a theme, those that are empty for the same reason as one."""
    own = [result for result in insights.results.values() if result.theme == theme]
    if len(own) > 1 and all(result.frame.empty and result.finding == own[0].finding for result in own):
        return [replace(own[0], title=theme)]
    return own


def render(page: dict[str, Any]) -> str:
    """Return the page as HTML.

    Raises
    ------
    ServicenlpError
        If the package jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise ServicenlpError("report: the package jinja2 is missing. Found none. Run: pip install 'servicenlp[report]'.") from error
    folder = files("servicenlp").joinpath("templates")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(folder.joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(page, css=folder.joinpath("report.css").read_text(encoding="utf-8")) + "\n"


def write_report(insights: Insights, path: str | Path, name: str = "interactions") -> None:
    """Write the page to a file, of which nothing is seen until it is whole.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    html, path = render(describe_page(insights, name)), Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(html, encoding="utf-8", errors="replace", newline="\n")
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Choose a place that you may write to.") from error


def _facts(insights: Insights, name: str) -> list[tuple[str, str]]:
    about = insights.about
    skipped = about["rows"] - about["scored"]
    dates = f"{about['first']} to {about['last']} (column {about['date']}, by {about['period']})" if about["dated"] else "none"
    undated = about["scored"] - about["dated"]
    return [
        ("File", name),
        ("Rows", f"{about['rows']:,}: {about['scored']:,} scored, {skipped:,} skipped"),
        ("Dates", dates + (f"; {undated:,} without a date" if about["dated"] and undated else "")),
        ("Groups", ", ".join(about["by"]) or "none"),
        ("Customers' rating", about["csat"] or "none"),
        ("Model", ", ".join(about["models"]) or "not told"),
    ]


def _tiles(insights: Insights) -> list[tuple[str, str, str]]:
    """Return the figures that the page begins with: name, value, interval."""
    means = [row for row in rows_of(insights["means"]) if row["by"] == ""]
    if not means:
        return []
    mix = {row["measure"]: row for row in rows_of(insights["standing"]) if row["by"] == ""}
    shares = [("disappointed (1 and 2)", "disappointed"), ("pleased (4 to 6)", "pleased"), ("criminal", "criminal")]
    told = [(title, mix[measure]) for measure, title in shares]
    row = means[0]
    return [("mean level (1 to 6)", f"{row['mean']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}")] + [
        (title, f"{own['share']:.1%}", f"{own['low']:.1%} to {own['high']:.1%}") for title, own in told
    ]


def _block(insights: Insights, result: Result) -> dict[str, Any]:
    from markupsafe import Markup

    return {
        "id": f"t-{result.name}",
        "name": result.name,
        "title": result.title,
        "finding": _sentence(result.finding),
        "meaning": _coded(result.meaning),
        "source": result.source,
        "figures": [figure._replace(svg=Markup(figure.svg)) for figure in figures(insights, result.name)],
        "table": _table(insights, result),
        "quotes": list(_quotes(insights, result)),
        "read": _read(result) if result.name == "read_these" else [],
    }


def _tells(insights: Insights, name: str) -> bool:
    return name in insights and len(insights[name]) > 0 and (name != "standing" or bool(insights.about["by"]))


def _coded(meaning: str) -> Any:
    """Return a meaning whose names of columns are set as such."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in meaning.replace("->", "→").split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))


def _sentence(finding: str) -> str:
    return (finding[:1].upper() + finding[1:]).replace("->", "→")


def _table(insights: Insights, result: Result) -> dict[str, Any] | None:
    """Return a table as headings and written cells; of groups those that have a chart, and no more rows than a page bears."""
    if result.frame.empty or result.name == "read_these":
        return None
    table = _wide(result.frame) if result.name == "levels_over_time" else result.frame
    if "by" in table:
        kept = set(groups(insights))
        keys = list(zip(table["by"], table["group"], strict=True))
        table = table[[key in kept for key in keys]]
        table = table.drop(columns=["by", "group"]).assign(group=[group_name(*key) for key in keys if key in kept])
        table = table[["group", *(column for column in table if column != "group")]]
    if "name" in table:
        table = table.drop(columns=[column for column in table if column in _IDS])
    elif result.name == "competitors":
        table = table.drop(columns="topic")
    percent = _PERCENT - _NOT_PERCENT.get(result.name, set())
    rows = [[_write(cell, str(column), percent) for column, cell in row.items()] for row in rows_of(table.head(_MAX_ROWS))]
    headings = [str(column).replace("_", " ") for column in table]
    return {
        "headings": headings,
        "rows": rows,
        "all": len(result.frame),
        "file": f"{result.name}.csv",
        "open": result.name in _OPEN and len(rows) <= _MAX_OPEN,
    }


def _wide(levels: pd.DataFrame) -> pd.DataFrame:
    """Return the level mix over time with a column for each level."""
    wide = levels.pivot_table(index=["by", "group", "period", "n"], columns="level", values="share", sort=False).reset_index()
    return wide.rename_axis(columns=None).rename(columns={label.value: f"{label.value} {label.name}" for label in LEVELS})


def _write(cell: Any, column: str, percent: set[str]) -> str:
    if isinstance(cell, str):
        return cell.replace("->", "→")
    if pd.isna(cell):
        return "–"
    if column == "p":
        return "< 0.001" if cell < 0.001 else f"{cell:.3f}"
    if column in percent or (column[:1].isdigit() and column[1:2] == " "):
        return f"{cell:.1%}"
    return f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}"


def _quotes(insights: Insights, result: Result) -> Iterator[dict[str, Any]]:
    """Yield the quotations of a table by subject."""
    if result.name == "steps_up":
        yield from _held_back(insights)
    if result.name not in _QUOTED or result.frame.empty:
        return
    theme, column = _QUOTED[result.name]
    table = result.frame[result.frame["by"] == ""] if "by" in result.frame else result.frame
    table = table[table["count"] > 0] if "count" in table else table
    titles = dict(zip(table[column], table["name" if "name" in table else column], strict=True))
    for subject, title in list(titles.items())[:_MAX_SUBJECTS]:
        found = [_quote(row) for row in rows_of(insights.quotes(theme, str(subject)).head(_MAX_QUOTES))]
        if found:
            yield {"title": title, "quotes": found}


def _held_back(insights: Insights) -> Iterator[dict[str, Any]]:
    """Yield for each group what customers say of the categories that fail most under its target."""
    ids = {label.name: str(label.value) for label in CATEGORIES}
    table = insights["steps_up"]
    table = table[(table["steps"] == 1) & (table["side"] == "failed")]
    for by, group in groups(insights):
        own = table[(table["by"] == by) & (table["group"] == group)]["name"].head(2)
        found = [_quote(row) for name in own for row in rows_of(insights.quotes("failed", ids[name], by, group).head(1))]
        if found:
            yield {"title": f"{group_name(by, group)}: {' and '.join(own)} failed", "quotes": found}


def _read(result: Result) -> list[dict[str, Any]]:
    """Return the interactions to read, the criminal ones first."""
    found = []
    for what in ("criminal", "unbelievable"):
        own = [_quote(row) for row in rows_of(result.frame[result.frame["what"] == what])]
        found.append({"title": what, "first": own[:_MAX_READ], "rest": own[_MAX_READ:]})
    return found


def _quote(row: dict[str, Any]) -> dict[str, Any]:
    """Return a quotation parted at the place it is quoted for."""
    text, start, end = row["text"], max(0, row["start"]), max(0, row["end"])
    level = LEVELS[row["level"] - 1]
    return {
        "parts": (text[:start], text[start:end], text[end:]),
        "level": f"{level.value} {level.name}",
        "value": level.value,
        "row": f"{row['row']:,}",
        "period": row["period"],
    }
