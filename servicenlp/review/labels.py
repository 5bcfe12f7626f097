"""Verdicts to labelled interactions, as ``servicenlp train`` reads them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from servicenlp.review.near_copies import near_copies
from servicenlp.writers import Layout, open_writer

if TYPE_CHECKING:
    from servicenlp.review.store import Store

HEADER = [
    "id", "text", "level", "primary", "delivery", "mindset", "relationship", "evidence", "source", "family",
    "reviewer", "at", "why", "bulk", "predicted_level", "model", "item",
]  # fmt: skip


def collect_labels(store: "Store", reviewer: str | None = None, *, bulk: bool = True) -> list[dict[str, Any]]:
    """Return the verdicts that count, a row each, from the oldest on.

    Parameters
    ----------
    store : Store
        Opened.
    reviewer : str, optional
        Whose verdicts; by default the last one's on each item.
    bulk : bool
        Whether those accepted in bulk count: nobody read them.

    Returns
    -------
    list of dict
        By `HEADER`. The evidence is the model's, where a person confirmed its level. Near-copies
        are of one family, so that training keeps them on one side of its folds.
    """
    items = store.items()
    chosen = [event for event in store.verdicts(reviewer).values() if event.verdict and (bulk or not event.batch)]
    groups = near_copies([items[event.item]["text"] for event in chosen])
    rows = []
    for event, group in zip(chosen, groups, strict=True):
        item, verdict, prediction = items[event.item], event.verdict, event.prediction
        assert verdict is not None
        quote = prediction.get("evidence") if prediction.get("level") == verdict.level else None
        rows.append(
            {
                "id": item["id"], "text": item["text"], **verdict._asdict(), "evidence": quote if quote and quote in item["text"] else "",
                "source": "review", "family": f"review-{group}", "reviewer": event.reviewer, "at": event.at, "why": event.why,
                "bulk": bool(event.batch), "predicted_level": prediction.get("level"), "model": event.model, "item": event.item,
            }
        )  # fmt: skip
    return rows


def write_rows(rows: Sequence[Mapping[Any, Any]], output: Path | None, header: list[str], stdout: IO[str] = sys.stdout) -> None:
    """Write rows of the same columns; without `output` to `stdout` as CSV."""
    kinds: dict[str, type] = {name: int for name in header if name.endswith(("level", "spread"))}
    with open_writer(output, Layout(header, kinds), stdout) as writer:
        writer.write([[row.get(name) for name in header] for row in rows])
