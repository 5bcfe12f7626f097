"""Scored interactions to decisions: the tables behind trend and report.

>>> import pandas as pd, servicenlp
>>> from servicenlp import insights
>>> scored = servicenlp.score_frame(pd.DataFrame({"text": ["Never again, they lied to me.", "Quick and friendly."]}))
>>> list(insights.compute(scored))[:2]
['standing', 'means']
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pandas as pd

from servicenlp.insights.extremes import results as extremes
from servicenlp.insights.interests import results as interests
from servicenlp.insights.offerings import results as offerings
from servicenlp.insights.records import Plan
from servicenlp.insights.results import Insights, Result
from servicenlp.insights.rings import results as rings
from servicenlp.insights.rules import RuleSet, load_rules
from servicenlp.insights.staircase import results as staircase
from servicenlp.insights.standing import results as standing
from servicenlp.insights.states import tally_file, tally_frame
from servicenlp.insights.steps import results as steps
from servicenlp.insights.tally import ALL, Tally
from servicenlp.insights.truths import results as truths
from servicenlp.insights.wishes import results as wishes

__all__ = ["Insights", "Options", "Result", "compute", "tables", "tally"]

_THEMES = {
    "standing": standing,
    "staircase": staircase,
    "steps": steps,
    "wishes": wishes,
    "rings": rings,
    "interests": interests,
    "truths": truths,
    "offerings": offerings,
    "extremes": extremes,
}


class Options(TypedDict, total=False):
    """How scored interactions are read; all may be left out.

    Attributes
    ----------
    by : sequence of str
        Columns whose values are the groups; "week", "month" and "quarter" are told from the date.
    date : str
        The column of the date. Without it there is nothing over time.
    period : str
        "week", "month" (the default) or "quarter".
    competitors : sequence of str
        Names to look for; found by their context if there are none.
    text, csat : str
        The columns of the words and of the customers' own rating; found if not named.
    prefix : str
        What the names of the scored columns begin with; "service_" if not named.
    state : str or Path
        A file that keeps the counts from run to run, so that only appended rows are read. It holds
        quotations, so keep it as private as the data.
    seed : int
        Of the drawing of quotations and of bootstraps; 0 by default.
    redact : bool
        Mask addresses, numbers and names in quotations, as `servicenlp.privacy` does.
    """

    by: Sequence[str]
    date: str
    period: str
    competitors: Sequence[str]
    text: str
    csat: str
    prefix: str
    state: str | Path | None
    seed: int
    redact: bool


def compute(source: str | Path | pd.DataFrame, **options: Unpack[Options]) -> Insights:
    """Compute all tables from scored interactions.

    Parameters
    ----------
    source : str, Path or DataFrame
        What `servicenlp score` wrote, in any of its formats, or `score_frame` returned. A file is
        read in parts; memory does not grow with its rows.
    **options
        `by`, `date`, `period` and more: see `Options`.

    Returns
    -------
    Insights
        The tables by name.

    Raises
    ------
    DataError
        If the file cannot be read, was not scored, or lacks a column.

    Examples
    --------
    >>> import servicenlp
    >>> rows = [("A", "2026-01-05", "Charged twice and nobody answers."), ("B", "2026-02-07", "Lovely, as ever.")]
    >>> scored = servicenlp.score_frame(pd.DataFrame(rows, columns=["team", "day", "text"]))
    >>> compute(scored, by=["team"], date="day")["means"][["by", "group", "n"]].values.tolist()
    [['', '(all)', 2], ['team', 'A', 1], ['team', 'B', 1]]
    """
    return tables(tally(source, **options))


def tables(counted: Tally, themes: Sequence[str] = tuple(_THEMES)) -> Insights:
    """Make the tables of what `tally` counted; of some themes only, if they are named."""
    results = [result for theme in themes for result in _THEMES[theme](counted, counted.rules)]
    named = {result.name: result for result in results}
    return Insights(named, counted.quotations(), _definitions(results, counted.rules), _about(counted))


def tally(source: str | Path | pd.DataFrame, **options: Unpack[Options]) -> Tally:
    """Count scored interactions, which is what `compute` does first; the parameters are the same."""
    told: dict[str, Any] = {key: value for key, value in options.items() if key in ("date", "period", "text", "csat", "prefix")}
    plan = Plan(tuple(dict.fromkeys(options.get("by", ()))), **told)
    rules = load_rules(tuple(options.get("competitors", ())))
    seed, redact, state = options.get("seed", 0), options.get("redact", False), options.get("state")
    if isinstance(source, pd.DataFrame):
        return tally_frame(source, plan, rules, seed, redact)
    return tally_file(Path(source), plan, rules, Path(state) if state else None, seed, redact)


def _definitions(results: Sequence[Result], rules: RuleSet) -> pd.DataFrame:
    rows = [("table", result.name, result.title, result.meaning, result.source) for result in results]
    rows += [("rule", rule.id, rule.name, rule.definition, rule.source) for rule in rules.rules]
    return pd.DataFrame(rows, columns=["kind", "name", "title", "meaning", "source"])


def _about(counted: Tally) -> dict[str, object]:
    levels = counted.frame("levels")
    whole = levels[(levels["by"] == "") & (levels["group"] == ALL)]
    dated = whole[whole["period"] != ""]
    plan = counted.plan
    return {
        "rows": counted.n_rows,
        "scored": int(whole["n"].sum()),
        "dated": int(dated["n"].sum()),
        "first": dated["period"].min() if len(dated) else "",
        "last": dated["period"].max() if len(dated) else "",
        "period": plan.period,
        "by": list(plan.by),
        "date": plan.date,
        "text": plan.text,
        "csat": plan.csat,
        "models": sorted(model for by, _, model in counted.counts["models"] if not by),
        "redacted": counted.redact,
    }
