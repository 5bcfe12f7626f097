"""Score, review, export, train, score: the round that makes a model better on the users' own words."""

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")

from click.testing import CliRunner
from conftest import DATA

from servicenlp.cli import main
from servicenlp.corpus import read_corpus
from servicenlp.review.decisions import Context, Verdict, predicted
from servicenlp.review.queue import build_queue
from servicenlp.review.scored import open_scored
from servicenlp.review.store import open_store
from servicenlp.taxonomy import CATEGORY_NAMES

TARGETS = ("level", *CATEGORY_NAMES)


def run(*arguments) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def figures(path: Path, model: Path) -> dict[str, float]:
    return json.loads(run("evaluate", path, "-m", model, "--json"))


def test_reviewed_items_make_the_model_better_on_what_it_has_not_seen(tmp_path, learned):
    with (DATA / "everyday.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::14]
    ours, held_out = [row for i, row in enumerate(rows) if i % 5][:800], write(tmp_path / "held_out.jsonl", rows[::5])
    right = {row["id"]: Verdict(**{target: row[target] for target in TARGETS}) for row in ours}
    first = write(tmp_path / "first.jsonl", [{"text": r.text, **{t: getattr(r, t) for t in TARGETS}} for r in learned.itertuples()])
    run("train", first, "-o", tmp_path / "before")
    tickets = write(tmp_path / "tickets.jsonl", [{"id": row["id"], "text": row["text"]} for row in ours])
    run("score", tickets, "-m", tmp_path / "before", "-o", tmp_path / "scored.csv", "--quiet")

    scored = open_scored(tmp_path / "scored.csv")
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    queue = build_queue(scored, "audit", size=None)
    population = store.remember(scored)
    items = [scored.item(entry.at) for entry in queue.entries]
    context = Context(population, queue.name, queue.seed, ("random",))
    for item in [item for item in items if predicted(item.prediction) != right[item.id]]:
        store.decide("ann", item, right[item.id], context)
    store.accept_all("ann", items, context)
    store.close()

    labels = tmp_path / "labels.jsonl"
    run("review", "export", tmp_path / "review.db", "-o", labels)
    table = read_corpus(labels).table
    assert {row.id: row.level for row in table.itertuples()} == {key: right[key].level for key in scored.ids}
    run("train", first, labels, "-o", tmp_path / "after")
    before, after = (figures(held_out, tmp_path / name) for name in ("before", "after"))
    for figure in ("level accuracy", "level quadratic kappa", "bad (1-2) F1"):
        assert after[figure] > before[figure] + 0.05

    run("score", tickets, "-m", tmp_path / "after", "-o", tmp_path / "again.csv", "--quiet")
    again = open_scored(tmp_path / "again.csv")
    assert set(again.keys) >= set(scored.keys)  # so that the verdicts are found again
    agree = [[level == right[key].level for level, key in zip(file.level, file.ids, strict=True)] for file in (scored, again)]
    assert sum(agree[1]) > sum(agree[0])
    report = run("review", "report", tmp_path / "review.db")
    assert "Precision of the criminal flag\n  " in report
