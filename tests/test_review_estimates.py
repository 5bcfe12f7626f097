import random
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")

from click.testing import CliRunner
from reviewing import an_item

from servicenlp.cli import main
from servicenlp.errors import DataError
from servicenlp.review.decisions import Context, Verdict
from servicenlp.review.drawing import draw_order
from servicenlp.review.estimates import estimate, render
from servicenlp.review.labels import collect_labels
from servicenlp.review.queue import QUEUES, Mix, build_queue
from servicenlp.review.sampling import control_slice, limits, wilson
from servicenlp.review.scored import ScoredFile
from servicenlp.review.store import open_store

N = 400


def a_file(levels: list[int]) -> ScoredFile:
    keys = [f"k{i:04}" for i in range(len(levels))]
    level = np.array(levels)
    proba = np.eye(6)[level - 1]
    return ScoredFile("scored.csv", [], keys, keys, keys, level, proba, 0, "", "", [[]] * len(keys), [], {})


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    yield store
    store.close()


@pytest.fixture
def scored() -> ScoredFile:
    """A quarter flagged."""
    return a_file([1 + i % 4 for i in range(N)])


def decide(store, scored, indices, truth, population, reasons=("random",), queue="audit", seed=0) -> None:
    for i in indices:
        item = an_item(scored.keys[i], int(scored.level[i]))
        store.decide("ann", item, Verdict(truth[i]), Context(population, queue, seed, reasons))


def tail(hits, total, count, n) -> tuple[float, float]:
    return hypergeom.cdf(hits, total, count, n), hypergeom.sf(hits - 1, total, count, n)


@pytest.mark.parametrize(("total", "n", "hits"), [(50, 10, 3), (50, 10, 0), (50, 10, 10), (20, 20, 7), (1000, 80, 1), (7, 1, 1), (3, 0, 0)])
def test_limits_hold_all_counts_that_the_sample_does_not_exclude(total, n, hits):
    low, high = limits(total, n, hits)
    possible = [c for c in range(hits, total - (n - hits) + 1) if min(tail(hits, total, c, n)) >= 0.025]
    assert (low, high) == (min(possible), max(possible))


def test_limits_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(600):
        hits = int(rng.hypergeometric(30, 270, 60))
        low, high = limits(300, 60, hits)
        covered.append(low <= 30 <= high)
    assert np.mean(covered) >= 0.93


def test_wilson_is_as_published():
    share = wilson(1, 10)
    assert (share.value, round(share.low, 3), round(share.high, 3)) == (0.1, 0.018, 0.404)
    assert wilson(0, 0).value != wilson(0, 0).value


def test_estimates_from_the_control_slice(store, scored):
    truth = [1 if i % 4 == 0 and i % 16 or i % 40 == 1 else 3 for i in range(N)]
    population = store.remember(scored)
    drawn = draw_order(scored.keys, 0)[:160]
    decide(store, scored, drawn, truth, population)
    found = estimate(store)
    flagged = [i for i in drawn if scored.level[i] == 1]
    hits = sum(truth[i] == 1 for i in flagged)
    assert found.flagged[:6] == (hits / len(flagged) * 100, *limits(100, len(flagged), hits), 100, len(flagged), hits)
    assert found.flagged.low <= 75 <= found.flagged.high
    assert found.unflagged.low <= 10 <= found.unflagged.high
    assert found.unflagged.total == 300
    assert found.unread == 0
    wider = found.unflagged.more
    n, hits = found.unflagged.sampled, found.unflagged.hits
    low, high = limits(300, n + wider, round(hits / n * (n + wider)))
    assert high - low <= (found.unflagged.high - found.unflagged.low) / 2 + 1


def test_estimates_close_when_all_is_reviewed(store, scored):
    truth = [1 if i % 5 == 0 else 2 for i in range(N)]
    population = store.remember(scored)
    decide(store, scored, draw_order(scored.keys, 0), truth, population)
    found = estimate(store)
    for part, wanted in ((found.flagged, 1), (found.unflagged, 0)):
        exact = sum(t == 1 for i, t in enumerate(truth) if (scored.level[i] == 1) == bool(wanted))
        assert (part.items, part.low, part.high, part.more) == (exact, exact, exact, 0)


def test_the_riskiest_alone_give_no_precision_of_all(store, scored):
    population = store.remember(scored)
    decide(store, scored, range(0, 80, 4), [1] * N, population, ("risk",), "mixed")
    found = estimate(store)
    assert (found.flagged.items, found.flagged.sampled, found.flagged.known_hits) == (None, 0, 20)
    assert (found.flagged.low, found.flagged.high) == (20, 100)
    assert "not known: none of the control slice reviewed among the 100 flagged" in render(found)


def test_what_is_known_narrows_the_limits(store, scored):
    population = store.remember(scored)
    truth = [1] * N
    decide(store, scored, [i for i in draw_order(scored.keys, 0) if scored.level[i] == 1][:5], truth, population)
    alone = estimate(store).flagged
    decide(store, scored, range(0, 360, 4), truth, population, ("risk",), "mixed")
    both = estimate(store).flagged
    assert alone.low < both.low
    assert both.known_hits <= both.low


def test_bulk_is_no_reading(store, scored):
    population = store.remember(scored)
    drawn = draw_order(scored.keys, 0)[:40]
    decide(store, scored, drawn, [3] * N, population)
    items = [an_item(key, int(level)) for key, level in zip(scored.keys, scored.level, strict=True)]
    store.accept_all("ann", items[::2], Context(population))
    found = estimate(store)
    assert found.counts["bulk"] == len([i for i in range(0, N, 2) if i not in set(drawn.tolist())])
    assert found.counts["reviewed"] == 40
    assert found.flagged.total + found.unflagged.total == N - found.counts["bulk"]


def test_undone_and_unusable_do_not_count(store, scored):
    population = store.remember(scored)
    drawn = draw_order(scored.keys, 0)[:20].tolist()
    decide(store, scored, drawn, [1] * N, population)
    store.undo("ann")
    store.mark_unusable("ann", an_item(scored.keys[drawn[3]]), "a test", Context(population, "audit", 0, ("random",)))
    store.skip("bob", an_item(scored.keys[drawn[19]]), Context(population, "audit", 0, ("random",)))
    found = estimate(store)
    assert (found.counts["reviewed"], found.counts["unusable"], found.counts["skipped"]) == (18, 1, 1)
    assert found.unread == 2
    assert found.flagged.known + found.unflagged.known == 18


def test_control_slice_of_one_part_is_drawn_from_that_part(store, scored):
    population = store.remember(scored)
    flagged = [i for i in draw_order(scored.keys, 0) if scored.level[i] == 1]
    decide(store, scored, flagged[:10], [1] * N, population, ("random",), "criminal")
    assert set(control_slice([scored.keys[i] for i in flagged], store.events()).keys) == {scored.keys[i] for i in flagged[:10]}
    assert control_slice([key for key, level in zip(scored.keys, scored.level, strict=True) if level != 1], store.events()).keys == []


def test_control_slice_holds_what_was_read_before_for_another_reason(store, scored):
    population = store.remember(scored)
    drawn = draw_order(scored.keys, 0)
    decide(store, scored, drawn[:3], [2] * N, population, ("uncertain",), "uncertain")
    decide(store, scored, drawn[3:10], [2] * N, population)
    assert set(control_slice(scored.keys, store.events()).keys) == {scored.keys[i] for i in drawn[:10]}


def test_verdicts_serve_the_next_model_too(store, scored):
    population = store.remember(scored)
    decide(store, scored, range(0, 40), [1] * N, population)
    rescored = a_file([2 if level == 1 else 1 for level in scored.level])
    again = store.remember(rescored)
    found = estimate(store, again)
    assert found.flagged.total == 300
    assert (found.flagged.known, found.unflagged.known) == (30, 10)
    assert found.flagged.items is None  # its own control slice has not been read


def test_overrides_by_predicted_level_and_pace(store, scored):
    population = store.remember(scored)
    decide(store, scored, range(40), [1] * N, population)
    found = estimate(store)
    assert (found.overrides[1].hits, found.overrides[1].n) == (0, 10)
    assert (found.overrides[2].hits, found.overrides[2].n) == (10, 10)
    assert found.overrides[5].n == 0
    assert (found.relabelled.hits, found.relabelled.n) == (30, 40)
    assert found.paces["ann"] > 0


def test_estimates_are_right_on_average(tmp_path):
    """Precision and misses over many files, each reviewed through a control slice only."""
    rng = random.Random(5)
    inside, misses = 0, []
    for trial in range(12):
        levels = [1 if rng.random() < 0.2 else 3 for _ in range(300)]
        truth = [1 if rng.random() < (0.8 if level == 1 else 0.05) else 3 for level in levels]
        scored = a_file(levels)
        store = open_store(f"sqlite:///{tmp_path}/{trial}.db")
        population = store.remember(scored)
        items = [an_item(key, level) for key, level in zip(scored.keys, levels, strict=True)]
        for i in draw_order(scored.keys, trial)[:60]:
            store.decide("ann", items[i], Verdict(truth[i]), Context(population, "audit", trial, ("random",)))
        found = estimate(store).unflagged
        missed = sum(t == 1 and level != 1 for t, level in zip(truth, levels, strict=True))
        inside += found.low <= missed <= found.high
        misses.append(found.items - missed)
        store.close()
    assert inside >= 10
    assert abs(np.mean(misses)) < 8


def test_report_of_an_empty_store(store):
    with pytest.raises(DataError, match=r"nothing to report\. Found no file reviewed\. Review one: servicenlp review SCORED\.$"):
        estimate(store)


def test_report_of_one_of_several_files(store, scored):
    first, second = store.remember(scored), store.remember(a_file([1, 2]))
    decide(store, scored, [0], [1] * N, first)
    assert estimate(store).population["id"] == first
    assert estimate(store, "scored.csv").population["id"] == second
    assert estimate(store, first).population["id"] == first
    with pytest.raises(DataError, match=r"no such file\. Found scored\.csv\. Choose one of them\.$"):
        estimate(store, "x")


def test_share_missed_of_all_criminal_interactions(tmp_path):
    """Its limits hold the truth at least as often as they say, and are not far wider."""
    rng = random.Random(6)
    covered, found, true = 0, [], []
    for trial in range(40):
        levels = [1 if rng.random() < 0.3 else 3 for _ in range(300)]
        truth = [1 if rng.random() < (0.8 if level == 1 else 0.1) else 3 for level in levels]
        scored = a_file(levels)
        store = open_store(f"sqlite:///{tmp_path}/{trial}.db")
        population = store.remember(scored)
        decide(store, scored, draw_order(scored.keys, 0)[:90], truth, population)
        missed = estimate(store).missed
        store.close()
        true.append(sum(t == 1 and level != 1 for t, level in zip(truth, levels, strict=True)) / truth.count(1))
        covered += missed.low <= true[-1] <= missed.high
        found.append(missed.value)
    assert covered >= 37
    assert abs(np.mean(found) - np.mean(true)) < 0.03


def test_share_missed_is_not_known_without_a_control_slice_in_both_parts(store, scored):
    population = store.remember(scored)
    decide(store, scored, [i for i in draw_order(scored.keys, 0) if scored.level[i] == 1][:20], [1] * N, population)
    assert estimate(store).missed is None


@pytest.mark.parametrize("which", ["flagged", "unflagged"])
def test_queue_that_is_named_brings_the_reviews_that_are_lacking(store, scored, which):
    truth = [1 if i % 4 == 0 and i % 16 or i % 40 == 1 else 3 for i in range(N)]
    population = store.remember(scored)
    decide(store, scored, draw_order(scored.keys, 7)[:80], truth, population, seed=7)
    found = estimate(store)
    before = getattr(found, which)
    told = dict(re.findall(r"--(\w+) (\S+)", found.queues[which]))
    queue = build_queue(
        scored, told["queue"], size=int(told["size"]), seed=int(told["seed"]), mix=Mix(0, 0, 0, 1) if "mix" in told else None
    )
    lacking = [entry.at for entry in queue.entries if entry.key not in store.verdicts()]
    decide(store, scored, lacking, truth, population, seed=7)
    after = getattr(estimate(store), which)
    assert after.sampled - before.sampled == pytest.approx(before.more, rel=0.2)


def test_report_fits_a_terminal(store, scored):
    population = store.remember(scored)
    decide(store, scored, draw_order(scored.keys, 0)[:50], [1] * N, population)
    text = render(estimate(store))
    assert "Precision of the criminal flag\n  100.0% of the 100 flagged; 95% interval" in text
    assert "Missed criminal interactions\n  100.0% of the 300 not flagged" in text
    assert max(map(len, text.splitlines())) <= 80


def test_labels_are_the_verdicts_that_count(store, scored):
    item = an_item("a", 2, evidence="words of a")
    store.decide("ann", item, Verdict(1, delivery="failed"))
    store.decide("bob", item, Verdict(2, delivery="failed"), why="no date promised")
    store.mark_unusable("ann", an_item("b"), "a test")
    store.accept_all("ann", [an_item("c", 4)])
    store.skip("ann", an_item("d"))
    rows = {row["item"]: row for row in collect_labels(store)}
    assert list(rows) == ["a", "c"]
    assert rows["a"]["text"] == "The words of a."
    assert (rows["a"]["level"], rows["a"]["delivery"], rows["a"]["evidence"], rows["a"]["reviewer"]) == (2, "failed", "words of a", "bob")
    assert (rows["a"]["why"], rows["a"]["predicted_level"], rows["a"]["model"], rows["a"]["bulk"]) == ("no date promised", 2, "m-1", False)
    assert rows["c"]["bulk"] is True
    assert [(row["item"], row["level"], row["evidence"]) for row in collect_labels(store, "ann", bulk=False)] == [("a", 1, "")]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, list(map(str, arguments)))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


def test_command_history_tells_from_and_to(run, store):
    store.decide("ann", an_item("a", 2), Verdict(1, delivery="failed"), Context("p", "mixed", 0, ("risk",), True), why="two dates missed")
    store.undo("ann")
    shown = run("review", "history", "review.db", "A").stdout
    assert shown.startswith("event 1  ")
    for line in (
        "  from    nothing\n  to      level 1 criminal, delivery failed\n  model   level 2 basic\n          by m-1\n",
        "  queue   mixed, risk, blind\n  why     two dates missed\n",
        "ann  undo of event 1\n  from    level 1 criminal, delivery failed\n  to      nothing\n",
    ):
        assert line in shown


def test_command_export_refuses_to_overwrite(run, store, tmp_path):
    store.decide("ann", an_item("a"), Verdict(1))
    assert "labels.jsonl: 1 labelled interactions" in run("review", "export", "review.db", "-o", "labels.jsonl").stderr
    assert "labels.jsonl: is there already" in run("review", "export", "review.db", "-o", "labels.jsonl", code=1).stderr
    run("review", "export", "review.db", "-o", "labels.jsonl", "--force")
    assert run("review", "export", "review.db").stdout.startswith("id,text,level,primary,")


def test_command_export_of_no_verdicts(run, store):
    assert "no verdicts. Found nothing to export." in run("review", "export", "review.db", code=1).stderr
    store.decide("ann", an_item("k1"), Verdict(1))
    refused = run("review", "export", "review.db", "--reviewer", "bob", code=1).stderr
    assert "no verdicts of 'bob'. Found those of ann. Name one of them." in refused


def test_command_report(run, store, scored):
    store.remember(scored)
    assert "Precision of the criminal flag" in run("review", "report", "sqlite:///review.db").stdout


@pytest.mark.parametrize("command", [("report", "no.db"), ("export", "no.db"), ("history", "no.db", "x")])
def test_commands_do_not_make_a_store(run, tmp_path, command):
    assert "no.db: no store. Found no such file." in run("review", *command, code=1).stderr
    assert not (tmp_path / "no.db").exists()


def test_help_shows_both_ways_to_call_it(run):
    shown = run("review", "--help").stdout
    for part in ("review SCORED [OPTIONS]", "review COMMAND STORE", "--queue", "--blind", "export", "history", "report"):
        assert part in shown


def test_help_names_every_queue(run):
    shown = "".join(run("review", "--help").stdout.split())
    assert [name for name in QUEUES if name not in shown] == []


def test_refused_option_is_told_under_the_name_that_was_typed(run):
    assert "review [OPTIONS] SCORED" in run("review", "scored.csv", "--size", "0", code=2).output


def test_model_that_is_not_there_is_told_at_once(run, tmp_path):
    row = {
        "words": "It broke.",
        "service_level": 1,
        "service_status": "scored",
        **{f"service_p_level_{k}": float(k == 1) for k in range(1, 7)},
    }
    pd.DataFrame([row]).to_csv(tmp_path / "scored.csv", index=False)
    assert "nowhere" in run("review", "scored.csv", "--text-column", "words", "--model", "nowhere", code=1).output
