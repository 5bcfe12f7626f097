"""Labelled interactions to a model folder: fit, judge on what the folds had not seen, write."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from servicenlp import calibration
from servicenlp.classifier import ServiceClassifier
from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.evaluation import by_group, evaluate
from servicenlp.evidence import learn_evidence
from servicenlp.persistence import load_card, save_model
from servicenlp.taxonomy import LEVELS, TARGETS, values


def train(paths: list[Path], folder: Path, *, strict: bool = True, force: bool = False, n_jobs: int = -1) -> dict[str, Any]:
    """Train a model and write its folder.

    Parameters
    ----------
    paths : list of Path
        Labelled files, or folders of them; see `read_corpus`.
    folder : Path
        Where to write.
    strict : bool
        Whether a bad line is an error; if not, it is left out and reported in the card.
    force : bool
        Whether to replace a model that was learnt from other data. One that was learnt from the
        same is made anew in any case.
    n_jobs : int
        Processes; -1 is all cores. The result does not depend on it.

    Returns
    -------
    dict
        The card.
    """
    table, problems = read_corpus(*paths, strict=strict)
    if not force:
        refuse_other_data(folder, table)
    labels = table[[target for target in TARGETS if target in table]]
    model = ServiceClassifier(n_jobs=n_jobs)
    model.fit(table["text"], labels, table["weight"], table["family"])
    if "evidence" in table and "level" in table:
        told = table[table["level"].notna()]
        learn_evidence(model, list(told["text"]), told["level"].to_numpy(int) - 1, list(told["evidence"].fillna("")))
    about = {"data": describe_data(table), "left_out": [str(problem) for problem in problems], "figures": _figures(model, table)}
    card = save_model(model, folder, about)
    (folder / "card.md").write_text(render_card(card), encoding="utf-8")
    return card


def refuse_other_data(folder: Path, table: pd.DataFrame) -> None:
    """Raise DataError if a folder holds a model that was learnt from other data."""
    if (folder / "card.json").is_file() and load_card(folder)["about"].get("data") != describe_data(table):
        raise DataError(f"{folder}: is there already. Found a model learnt from other data. Choose another name or add --force.")


def describe_data(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe the training data, a file a row."""
    return [
        {
            "file": str(name),
            "interactions": len(part),
            "weight": round(float(part["weight"].mean()), 3),
            "levels": [int((part["level"] == level.value).sum()) for level in LEVELS] if "level" in part else [],
        }
        for name, part in table.groupby("file")
    ]


def _figures(model: ServiceClassifier, table: pd.DataFrame) -> dict[str, Any]:
    """Judge each interaction by a model that had read nothing of its family."""
    if "level" not in model.outputs_ or table["family"].nunique() < 2:
        return {}
    predicted = {}
    for target, scores in model.unseen_scores_.items():
        proba = calibration.probabilities(scores, model.temperatures_[target])
        predicted[target] = np.array(values(target))[calibration.decide(proba, model.offsets_[target])]
        if target == "level":
            level_proba = proba
    guess = pd.DataFrame(predicted, index=table.index)
    known = table[table["level"].notna()]
    groups = {
        name: by_group(known, guess.loc[known.index], known[name].fillna("")).round(3).to_dict("records")
        for name in ("file", "channel")
        if name in table
    }
    return {"all": {k: round(v, 4) for k, v in evaluate(table, guess, level_proba).items()}, **groups}


def render_card(card: dict[str, Any]) -> str:
    """Return the model card for people, in Markdown."""
    about = card["about"]
    lines = [
        f"# Model card: {card['name']} ({card['id']})",
        "",
        "Predicts, for a customer interaction in English, the service level as the customer experienced it (1 to 6),",
        "what failed or delighted in four categories, and focus, ring, cause and interest. Linear in its terms.",
        "",
        "## Learnt from",
        "",
        "| file | interactions | mean weight | levels 1 to 6 |",
        "|---|---|---|---|",
        *(f"| {d['file']} | {d['interactions']:,} | {d['weight']:g} | {', '.join(map(str, d['levels']))} |" for d in about["data"]),
    ]
    if about["figures"]:
        lines += [
            "",
            "## Figures",
            "",
            "On the training data, each interaction judged by a model that had read nothing of its family",
            "(its writer). Real customers' words differ more: expect less there.",
            "",
        ]
        lines += ["| figure | |", "|---|---|", *(f"| {name} | {value:.3f} |" for name, value in about["figures"]["all"].items())]
        for group in ("file", "channel"):
            if group in about["figures"]:
                lines += ["", f"| {group} | n | level accuracy | quadratic kappa |", "|---|---|---|---|"]
                lines += [
                    f"| {r['group'] or '(none)'} | {r['n']:,} | {r['accuracy']:.3f} | {r['kappa']:.3f} |" for r in about["figures"][group]
                ]
    lines += [
        "",
        "## Limits",
        "",
        "English only. Sarcasm and stories told without any opinion word are often misread. Levels 5 and 6 are rare",
        "in training and often taken for 4. A chat's level depends on its end, which words show only in part.",
    ]
    if about["left_out"]:
        lines += ["", f"## Left out: {len(about['left_out'])} lines", "", *(f"- {problem}" for problem in about["left_out"][:50])]
    return "\n".join(lines) + "\n"
