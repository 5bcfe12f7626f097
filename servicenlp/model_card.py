"""What is told of a model beside its weights: on what it was judged, how well, for whom it is not."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.evaluation import by_group, by_label, evaluate, reliability
from servicenlp.taxonomy import CATEGORIES, CATEGORY_NAMES, LEVELS, TARGETS, values

PLOT = "reliability.svg"
GROUPS = ("file", "channel", "source")
_MOST = 25  # groups in a table, the largest


def judge_unseen(model: ServiceClassifier, table: pd.DataFrame, left_out: NDArray[np.bool_]) -> dict[str, Any]:
    """Judge each training interaction by a model that had read nothing of its group.

    Parameters
    ----------
    model : ServiceClassifier
        Just fitted on the table.
    table : DataFrame
        As `read_corpus` gives it.
    left_out : array of bool, shape (n_interactions,)
        Those to leave out of the figures, such as those that `split_groups` finds to leak.

    Returns
    -------
    dict
        Figures in all ("all"), by level and by outcome of each category ("labels"), by file,
        channel and source where there are several, and the reliability of the level.
    """
    if "level" not in model.outputs_:
        return {}
    kept = np.flatnonzero(~left_out)
    predicted = {}
    for target, scores in model.unseen_scores_.items():
        proba = calibration.probabilities(scores[kept], model.temperatures_[target])
        predicted[target] = np.array(values(target))[calibration.decide(proba, model.offsets_[target])]
        if target == "level":
            level_proba = proba
    table = table.iloc[kept].reset_index(drop=True)
    guess = pd.DataFrame(predicted)
    rows = table["level"].notna().to_numpy() if "level" in table else np.zeros(len(table), bool)
    if not rows.any():
        return {}
    known, known_guess = table[rows], guess[rows]
    figures: dict[str, Any] = {"all": {k: round(v, 4) for k, v in evaluate(table, guess, level_proba).items()}}
    figures["labels"] = {
        target: by_label(table[target], guess[target], target).round(3).to_dict("records")
        for target in ("level", *CATEGORY_NAMES)
        if target in guess and target in table and table[target].notna().any()
    }
    for name in GROUPS:
        if name in known and (name == "file" or known[name].fillna("").nunique() > 1):
            parts = by_group(known, known_guess, known[name].fillna("")).round(3)
            figures[name] = parts.nlargest(_MOST, "n").sort_index().to_dict("records")
    figures["reliability"] = reliability(level_proba[rows], known["level"].to_numpy(int)).round(3).to_dict("records")
    return figures


def rare_labels(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return, by target, the labels with fewer examples than a decision can be fitted to, and how many there are."""
    rare: dict[str, dict[str, int]] = {}
    for target in TARGETS:
        if target in table and table[target].notna().any():
            counts = table[target].value_counts()
            few = {str(label): int(counts.get(label, 0)) for label in values(target) if counts.get(label, 0) < calibration.RARE}
            rare |= {target: few} if few else {}
    return rare


def draw_reliability(rows: list[dict[str, float]], file: Path) -> bool:
    """Draw accuracy against confidence as SVG; return whether matplotlib was there to do it.

    Parameters
    ----------
    rows : list of dict
        As `reliability` gives them.
    file : Path
        Where to write; the same rows give the same bytes.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with rc_context({"svg.hashsalt": "servicenlp", "svg.fonttype": "none"}):
        figure = Figure(figsize=(4, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
        axes.plot([r["confidence"] for r in rows], [r["accuracy"] for r in rows], marker="o", color="#1b6ca8")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that was right", title="Reliability of the level")
        figure.savefig(file, metadata={"Date": None})
    return True


def render_card(card: dict[str, Any]) -> str:
    """Return the model card for people, in Markdown."""
    about = card["about"]
    lines = [
        f"# Model card: {card['name']} ({card['id']})",
        "",
        *_purpose(list(card["labels"])),
        *_origin(about),
        "",
        *learnt_from(about["data"]),
        *(["", *(f"- {note}" for note in about["notes"])] if about.get("notes") else []),
        *_figures(about["figures"]),
        *_threshold(about),
        "",
        "## Limits",
        "",
        "English only. Sarcasm and stories told without any opinion word are often misread. Levels 5 and 6 are rare",
        "in training and often taken for 4. A chat's level depends on its end, which words show only in part.",
        *_rare(about.get("rare", {})),
    ]
    if about["left_out"]:
        lines += ["", f"## Left out: {len(about['left_out'])} lines", "", *(f"- {problem}" for problem in about["left_out"][:50])]
    return "\n".join(lines) + "\n"


def learnt_from(data: list[dict[str, Any]]) -> list[str]:
    """Return the part of a model card that tells of the training data; see `training.describe_data`."""
    rows = [f"| {d['file']} | {d['interactions']:,} | {d['weight']:g} | {', '.join(map(str, d['levels']))} |" for d in data]
    return ["## Learnt from", "", "| file | interactions | mean weight | levels 1 to 6 |", "|---|---|---|---|", *rows]


def _purpose(targets: list[str]) -> list[str]:
    told = ["the service level as the customer experienced it (1 to 6)"] if "level" in targets else []
    names = [category.name for category in CATEGORIES if category.value in targets]
    told += [f"what failed or delighted in {_listed(names)}"] if names else []
    told += [target for target in targets if target not in ("level", *CATEGORY_NAMES)]
    return textwrap.wrap(f"Predicts, for a customer interaction in English, {_listed(told)}. Linear in its terms.", 118)


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _origin(about: dict[str, Any]) -> list[str]:
    if "from" not in about:
        return []
    origin = about["from"]
    return ["", f"Adapted from {origin['name']} ({origin['id']}) to the interactions below; what it does not find in them it knows",
            "from there."]  # fmt: skip


def _figures(figures: dict[str, Any]) -> list[str]:
    if not figures:
        return ["", "## Figures", "", "None: the data hold no levels, or one group only, so that nothing could be kept unseen."]
    lines = ["", "## Figures", "",
             "On the training data, each interaction judged by a model that had read nothing of its family",
             "(its writer) and no near-copy of it. Real customers' words differ more: expect less there."]  # fmt: skip
    before = figures.get("before")
    head = ["figure", "", "before"] if before else ["figure", ""]
    rows = [[name, f"{value:.3f}"] + ([f"{before[name]:.3f}" if name in before else ""] if before else [])
            for name, value in figures["all"].items()]  # fmt: skip
    lines += _table(head, rows)
    names = {label.value: f"{label.value} {label.name}" for label in LEVELS}
    for target, parts in figures["labels"].items():
        shown = [[names.get(p["label"], p["label"]), f"{p['n']:,}", *(f"{p[k]:.2f}" for k in ("precision", "recall", "F1"))]
                 for p in parts if p["label"] != "none"]  # fmt: skip
        lines += _table([target, "n", "precision", "recall", "F1"], shown)
    for name in GROUPS:
        if name in figures:
            shown = [[r["group"] or "(none)", f"{r['n']:,}", f"{r['accuracy']:.3f}", f"{r['kappa']:.3f}"] for r in figures[name]]
            lines += _table([name, "n", "level accuracy", "quadratic kappa"], shown)
    lines += ["", "How sure it was of the level, and how often it was right (probabilities mean what they say where both are the same):"]
    if figures.get("plot"):
        lines += ["", f"![Share that was right against confidence]({PLOT})"]
    return lines + _table(
        ["confidence", "right", "n"], [[f"{r['confidence']:.2f}", f"{r['accuracy']:.2f}", f"{r['n']:,}"] for r in figures["reliability"]]
    )


def _table(head: list[str], rows: list[list[Any]]) -> list[str]:
    return ["", f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def _threshold(about: dict[str, Any]) -> list[str]:
    chosen = about.get("threshold")
    if not chosen:
        return []
    if chosen["found"] is None:
        return ["", f"A recall of {chosen['asked']:g} for criminal interactions was asked for, but there were too few to choose by."]
    return ["", f"Level 1 is decided so that {chosen['asked']:.0%} of criminal interactions are found: on those not seen, "
            f"{chosen['found']:.1%} were, {chosen['precision']:.0%} of what was flagged was criminal, and {chosen['flagged']:.0%} "
            "of all was flagged."]  # fmt: skip


def _rare(rare: dict[str, dict[str, int]]) -> list[str]:
    if not rare:
        return []
    listed = "; ".join(f"{target} {', '.join(f'{label} ({n})' for label, n in few.items())}" for target, few in rare.items())
    return ["", f"Fewer than {calibration.RARE} examples, so hardly ever or never predicted, and judged by chance: {listed}."]
