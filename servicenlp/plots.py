"""Figures to pictures for notebooks and slides, drawn with matplotlib, in colours that colour-blind readers tell apart.

Every function takes a table that another module made and a title that says what it shows, and
returns the axes, to be saved or changed further.
"""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from servicenlp.calibration import CONFIDENCE_EDGES
from servicenlp.explanation import Contribution
from servicenlp.taxonomy import CATEGORIES, LEVELS, values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Orange for bad, blue for good, and darker the further from the middle, so that they also differ in grey.
LEVEL_COLOURS = ("#9a3b04", "#ec9a4f", "#d4d4d4", "#a3cbe4", "#4a8fc3", "#0b3a73")
_FOR, _AGAINST, _MUTED, _INK = "#0072b2", "#d55e00", "#8a8a8a", "#222222"  # the first two: Okabe and Ito 2008
_LEVEL_NAMES = [f"{level.value} {level.name}" for level in LEVELS]


def plot_mix(levels: pd.Series, by: pd.Series | None = None, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the share of each level, one bar for each group.

    Parameters
    ----------
    levels : Series of int
        Levels; missing ones are passed over.
    by : Series, optional
        The group of each; one bar of all without it. The worst group comes first.
    title : str
        What the picture shows.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> plot_mix(pd.Series([1, 2, 3, 3]), title="Half is bad").get_title(loc="left")
    'Half is bad'
    """
    known = levels.notna().to_numpy()
    group = by[known].to_numpy() if by is not None else np.full(int(known.sum()), "all")
    share = pd.crosstab(group, levels[known].astype(int).to_numpy(), normalize="index").reindex(columns=values("level"), fill_value=0.0)
    share = share.loc[(share[1] + share[2]).sort_values(kind="stable").index]
    sizes = pd.Series(group).value_counts()
    ax = _axes(ax, title, (8, 1.3 + 0.42 * len(share)))
    left = np.zeros(len(share))
    for level, colour, name in zip(values("level"), LEVEL_COLOURS, _LEVEL_NAMES, strict=True):
        width = share[level].to_numpy()
        ax.barh(range(len(share)), width, left=left, color=colour, edgecolor="white", linewidth=0.8, label=name)
        for i in np.flatnonzero(width >= 0.05):
            ink = "white" if level in (1, 5, 6) else _INK
            ax.text(float(left[i] + width[i] / 2), float(i), f"{width[i]:.0%}", ha="center", va="center", color=ink, fontsize=9)
        left += width
    ax.set_yticks(range(len(share)), [f"{name} ({sizes[name]:,})" for name in share.index])
    ax.set(xlim=(0, 1), xlabel="share of interactions")
    _percent(ax, "x")
    ax.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.45, -0.42 / (0.5 + 0.2 * len(share))), frameon=False, fontsize=8.5,
              handlelength=1, columnspacing=1)  # fmt: skip
    return ax


def plot_categories(table: pd.DataFrame, *, prefix: str = "", title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw how often each category of value failed, to the left, and delighted, to the right.

    Parameters
    ----------
    table : DataFrame
        With a column for each category, as labelled data or scored rows have; missing cells are passed over.
    prefix : str
        What the names of those columns begin with, such as ``service_``.
    title, ax
        As in `plot_mix`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> table = pd.DataFrame(dict.fromkeys(["primary", "delivery", "mindset", "relationship"], ["failed", "none"]))
    >>> len(plot_categories(table, title="Half failed").patches)
    8
    """
    ax = _axes(ax, title, (7.5, 2.9))
    shares = []
    for i, category in enumerate(CATEGORIES[::-1]):
        cells = table[f"{prefix}{category.value}"].dropna()
        failed, delighted = (cells == "failed").mean(), (cells == "delighted").mean()
        shares += [failed, delighted]
        ax.barh(i, -failed, color=LEVEL_COLOURS[1])
        ax.barh(i, delighted, color=LEVEL_COLOURS[4])
        ax.text(-failed - 0.005, i, f"{failed:.0%}", ha="right", va="center", fontsize=9)
        ax.text(delighted + 0.005, i, f"{delighted:.0%}", va="center", fontsize=9)
    ax.axvline(0, color=_INK, linewidth=0.8)
    ax.set_yticks(range(len(CATEGORIES)), [category.name for category in CATEGORIES[::-1]])
    ax.set(xlim=(-max(shares) * 1.15, max(shares) * 1.15), xticks=[])
    ax.set_xlabel("failed   ←   share of interactions   →   delighted")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    return ax


def plot_confusion(confusion: pd.DataFrame, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw what each level was taken for, in shares of its row; see `evaluation.confusion`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from servicenlp.evaluation import confusion
    >>> levels = pd.DataFrame({"level": [1, 2, 2]})
    >>> plot_confusion(confusion(levels, levels), title="All right").get_xlabel()
    "the model's level"
    """
    counts = confusion.to_numpy(float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = _axes(ax, title, (6.6, 5.2))
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, k in np.ndindex(share.shape):
        if counts[i, k]:
            ink = "white" if share[i, k] > 0.55 else _INK
            ax.text(k, i, f"{share[i, k]:.0%}\n{counts[i, k]:,.0f}", ha="center", va="center", color=ink, fontsize=9)
    ax.set_xticks(range(len(LEVELS)), _LEVEL_NAMES, rotation=25, ha="right")
    ax.set_yticks(range(len(LEVELS)), _LEVEL_NAMES)
    ax.set(xlabel="the model's level", ylabel="the true level (each row: 100%)")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_groups(groups: pd.DataFrame, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the quadratic kappa of each group as a dot, the best on top; see `evaluation.by_group`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> groups = pd.DataFrame({"group": ["chat", "call"], "n": [20, 9], "kappa": [0.7, 0.5]})
    >>> [tick.get_text() for tick in plot_groups(groups).get_yticklabels()]
    ['call (9)', 'chat (20)']
    """
    told = groups.dropna(subset="kappa").sort_values("kappa", kind="stable")
    ax = _axes(ax, title, (7, 1.2 + 0.38 * len(told)))
    ax.hlines(range(len(told)), 0, told["kappa"], color="#dddddd")
    ax.plot(told["kappa"], range(len(told)), "o", color=_FOR, markersize=8)
    for i, kappa in enumerate(told["kappa"]):
        ax.text(kappa + 0.025, i, f"{kappa:.2f}", va="center", fontsize=9)
    ax.set_yticks(range(len(told)), [f"{name} ({n:,})" for name, n in zip(told["group"], told["n"], strict=True)])
    ax.set(xlim=(min(0.0, told["kappa"].min()), 1), xlabel="quadratic kappa of the level (0: no better than chance, 1: all right)")
    ax.margins(y=0.12)
    return ax


def plot_reliability(table: pd.DataFrame, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw how often the model is right where it is how sure, with 95% intervals; see `evaluation.reliability`.

    The intervals are Wilson's (1927, *Probable Inference, the Law of Succession, and Statistical Inference*).

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> table = pd.DataFrame({"n": [9, 9], "confidence": [0.5, 0.9], "accuracy": [0.4, 0.9]})
    >>> plot_reliability(table).get_ylabel()
    'how often it is right'
    """
    from scipy.stats import binomtest

    ends = [binomtest(round(a * n), int(n)).proportion_ci(method="wilson") for n, a in zip(table["n"], table["accuracy"], strict=True)]
    low, high = (np.array([getattr(end, name) for end in ends]) for name in ("low", "high"))
    ax = _axes(ax, title, (6, 5))
    ax.plot([0, 1], [0, 1], "--", color=_MUTED, linewidth=1)
    ax.annotate("says what it knows", (0.62, 0.57), rotation=37, color=_MUTED, fontsize=9, va="center", ha="center")
    spread = np.maximum(0, [table["accuracy"] - low, high - table["accuracy"]])
    ax.errorbar(table["confidence"], table["accuracy"], yerr=spread, fmt="o-", color=_FOR, ecolor="#9dc6e0", capsize=0, markersize=6)
    for edge, name in zip(CONFIDENCE_EDGES, ("medium", "high"), strict=True):
        ax.axvline(edge, color="#dddddd", linewidth=1, zorder=0)
        ax.text(edge + 0.01, 0.02, f"{name} from {edge:g}", color=_MUTED, fontsize=9)
    ax.set(xlim=(0.2, 1.01), ylim=(0, 1.02), xlabel="how sure the model is (probability of its level)", ylabel="how often it is right")
    _percent(ax, "x")
    _percent(ax, "y")
    return ax


def plot_tradeoff(
    table: pd.DataFrame, *, marks: Sequence[float] = (0.9, 0.95, 0.99), title: str = "", ax: "Axes | None" = None
) -> "Axes":  # fmt: skip
    """Draw how many criminal interactions are found when so many are read; see `thresholds.threshold_table`.

    `marks` are shares to be found: for each, the threshold and how many must be read are told.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from servicenlp.thresholds import threshold_table
    >>> table = threshold_table(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([1, 2]))
    >>> plot_tradeoff(table).get_ylabel()
    'share of criminal interactions found'
    """
    ax = _axes(ax, title, (7.2, 4.8))
    share = table["recall"].iloc[-1] * table["precision"].iloc[-1]
    ax.plot([0, share, 1], [0, 1, 1], color="#cccccc", linewidth=1)
    ax.text(share + 0.01, 1.015, "perfect", color=_MUTED, fontsize=9)
    ax.plot([0, 1], [0, 1], "--", color=_MUTED, linewidth=1)
    ax.text(0.54, 0.49, "read at random", color=_MUTED, fontsize=9)
    ax.plot([0, *table["read"]], [0, *table["recall"]], color=_FOR, linewidth=2)
    for i, mark in enumerate(marks):
        row = table[table["recall"] >= mark].iloc[0]
        told = f"{mark:.0%} found: read {row['read']:.0%} (threshold {row['threshold']:.2f})"
        ax.plot(row["read"], row["recall"], "o", color=_AGAINST, markersize=7, zorder=3)
        place = (0.47, 0.9 - 0.08 * (len(marks) - 1 - i))
        ax.annotate(told, (row["read"], row["recall"]), place, fontsize=9.5, va="center", bbox={"color": "white", "pad": 1},
                    arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "shrinkB": 4, "relpos": (0, 0.5)})  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1.06), xlabel="share of all interactions read, the most probably criminal first")
    ax.set_ylabel("share of criminal interactions found")
    _percent(ax, "x")
    _percent(ax, "y")
    return ax


def plot_terms(contributions: Sequence[Contribution], *, most: int = 10, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw what each term adds to the score of a label, all its occurrences together; see `explanation.explain`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from servicenlp import explain, load_model
    >>> _, _, terms = explain(load_model(), "Rude staff.")
    >>> plot_terms(terms, most=2).get_yticklabels()[-1].get_text() == terms[0].term
    True
    """
    total = pd.DataFrame(contributions, columns=list(Contribution._fields)).groupby("term", sort=False)["value"].sum()
    told = total.loc[total.abs().sort_values(ascending=False, kind="stable").index[:most]][::-1]
    ax = _axes(ax, title, (7, 1.1 + 0.33 * len(told)))
    ax.barh(range(len(told)), told, color=[_FOR if value > 0 else _AGAINST for value in told])
    ax.axvline(0, color=_INK, linewidth=0.8)
    ax.set_yticks(range(len(told)), list(told.index))
    ax.set_xlabel("against   ←   what the words add to the score   →   for")
    return ax


def plot_changes(table: pd.DataFrame, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the level's distribution for a text and its changes; see `counterfactuals.change_words`.

    Each row is a text; the dark number at its right is the level decided.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from servicenlp import load_model
    >>> from servicenlp.counterfactuals import change_words
    >>> table = change_words(load_model(), "The driver was rude.", [("rude", "lovely")])
    >>> [tick.get_text() for tick in plot_changes(table).get_yticklabels()]
    ['rude → lovely', 'as it is']
    """
    told = table[::-1].reset_index(drop=True)
    ax = _axes(ax, title, (8.2, 1.2 + 0.5 * len(told)))
    left = np.zeros(len(told))
    for level, colour, name in zip(values("level"), LEVEL_COLOURS, _LEVEL_NAMES, strict=True):
        width = told[f"p_level_{level}"].to_numpy()
        ax.barh(range(len(told)), width, left=left, color=colour, edgecolor="white", linewidth=0.8, label=name, height=0.7)
        left += width
    for i, level in enumerate(told["level"]):
        ax.text(1.015, i, LEVELS[level - 1].name, va="center", fontsize=10, fontweight="bold")
    ax.set_yticks(range(len(told)), [textwrap.fill(change, 34) for change in told["change"]])
    ax.set(xlim=(0, 1), xlabel="probability of each level")
    _percent(ax, "x")
    ax.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.4, -0.5 / (0.5 + 0.3 * len(told))), frameon=False, fontsize=8.5,
              handlelength=1, columnspacing=1)  # fmt: skip
    return ax


def plot_curve(
    curve: pd.DataFrame, *, stop: int | None = None, base: float | None = None, title: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw what each batch of reviewed items brings; see `learning_curves.learning_curve`.

    `stop` is where one may stop, by `learning_curves.when_to_stop`; `base` the figure of the model that there was to begin with.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> curve = pd.DataFrame({"order": "random", "reviewed": [0, 100], "kappa": [0.5, 0.6]})
    >>> plot_curve(curve, base=0.4).get_xlabel()
    'interactions reviewed by a person'
    """
    ax = _axes(ax, title, (7.2, 4.4))
    styles = ((_FOR, "o-"), (_AGAINST, "s--"), (_INK, "^:"))
    ends: list[tuple[float, str, str]] = []
    for (order, part), (colour, style) in zip(curve.groupby("order", sort=False), styles, strict=False):
        ax.plot(part["reviewed"], part["kappa"], style, color=colour, markersize=5)
        ends.append((float(part["kappa"].iloc[-1]), f"  {order}", colour))
    low, high = ax.get_ylim()
    place = -np.inf
    for kappa, told, colour in sorted(ends):
        place = max(kappa, place + 0.05 * (high - low))  # or curves that end alike would be named on one spot
        ax.text(curve["reviewed"].max(), place, told, color=colour, va="center", fontsize=10)
    if stop is not None:
        ax.axvline(stop, color=_MUTED, linewidth=1, linestyle=":")
        ax.annotate("steady: may stop", (stop, 0.03), xycoords=("data", "axes fraction"), xytext=(-5, 0), textcoords="offset points",
                    ha="right", color=_MUTED, fontsize=9)  # fmt: skip
    if base is not None:
        ax.axhline(base, color=_MUTED, linewidth=1, linestyle="--")
        ax.annotate("the model as it came", (0.01, base), xycoords=("axes fraction", "data"), xytext=(0, 4), textcoords="offset points",
                    color=_MUTED, fontsize=9)  # fmt: skip
    ax.set(xlabel="interactions reviewed by a person", ylabel="quadratic kappa on other writers' words")
    ax.set_xlim(0, curve["reviewed"].max() * 1.17)
    ax.grid(axis="y", color="#eeeeee")
    return ax


def plot_figures(table: pd.DataFrame, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw figures of several models side by side.

    Parameters
    ----------
    table : DataFrame
        A row for each model, named by the index; a column for each figure, from 0 to 1.
    title, ax
        As in `plot_mix`.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> table = pd.DataFrame({"kappa": [0.5, 0.7]}, index=["before", "after"])
    >>> len(plot_figures(table).containers)
    2
    """
    ax = _axes(ax, title, (8, 3.6))
    width = 0.8 / len(table)
    for i, (name, row) in enumerate(table.iterrows()):
        place = np.arange(len(row)) + (i - (len(table) - 1) / 2) * width
        drawn = ax.bar(place, row, width * 0.92, color=("#c4c4c4", "#7fb8dc", _FOR, "#0b3a73")[i % 4], label=str(name))
        ax.bar_label(drawn, fmt="%.2f", fontsize=9, padding=2)
    ax.set_xticks(range(table.shape[1]), list(table.columns))
    ax.set(ylim=(0, 1.08), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.tick_params(length=0)
    ax.legend(frameon=False, ncols=len(table), loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return ax


def _axes(ax: "Axes | None", title: str, size: tuple[float, float]) -> "Axes":
    """Return axes without ornament, with the title at their left."""
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.subplots(figsize=size, layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(title, loc="left", fontsize=12, fontweight="bold", color=_INK, pad=10)
    return ax


def _percent(ax: "Axes", which: str) -> None:
    from matplotlib.ticker import PercentFormatter

    getattr(ax, f"{which}axis").set_major_formatter(PercentFormatter(1, decimals=0))
