import json
import time

import numpy as np
import pandas as pd
import pytest

import servicenlp
from servicenlp import insights
from servicenlp.errors import DataError
from servicenlp.insights.rules import load_rules
from servicenlp.insights.staircase import changes
from servicenlp.insights.standing import level_mix
from servicenlp.insights.statistics import adjust, change_points, mean_level, two_shares, wilson
from servicenlp.taxonomy import CATEGORY_NAMES

NONE = {**dict.fromkeys(CATEGORY_NAMES, "none"), "ring": "none", "cause": "none", "interest": "none", "flags": "", "evidence": ""}


def scored(rows):
    """Return scored rows, each given by what differs from an expected interaction of no group."""
    table = pd.DataFrame([{"level": 3, "text": "It came.", "team": "A", "day": "2026-01-05", **NONE, **row} for row in rows])
    table["status"], table["p_level_1"], table["p_level_6"] = "scored", (table["level"] == 1) * 0.9, (table["level"] == 6) * 0.9
    return table.rename(columns={name: f"service_{name}" for name in table if name not in ("text", "team", "day", "csat")})


def levels(rng, n, shares, **more):
    return [{"level": int(level), **more} for level in rng.choice(np.arange(1, 7), n, p=shares)]


GOOD, BAD = [0.05, 0.15, 0.4, 0.3, 0.08, 0.02], [0.35, 0.35, 0.2, 0.07, 0.02, 0.01]


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(11)


# ---------------------------------------------------------------- where we stand


def test_standing_tells_a_planted_difference():
    rng = np.random.default_rng(1)
    found = insights.compute(
        scored(levels(rng, 300, GOOD, team="A") + levels(rng, 300, GOOD, team="B") + levels(rng, 300, BAD, team="C")), by=["team"]
    )
    table = found["standing"].set_index(["group", "measure"])
    assert table.loc[("C", "criminal"), "verdict"] == "more"
    assert table.loc[("C", "pleased (4 to 6)"), "verdict"] == "fewer"
    assert "C" in found.results["standing"].finding


def test_standing_claims_nothing_where_there_is_nothing():
    rng, claims = np.random.default_rng(20), 0
    keys = [("", "(all)"), *(("team", group) for group in "ABCDEF")]
    for _ in range(60):
        drawn = rng.multinomial(120, GOOD, 6)
        index = pd.MultiIndex.from_tuples(keys, names=["by", "group"])
        counts = pd.DataFrame(np.vstack([drawn.sum(axis=0), drawn]), index=index, columns=range(1, 7), dtype=float)
        claims += level_mix(counts)["verdict"].isin(["more", "fewer"]).any()
    assert claims <= 6  # one in twenty is what chance may give


def test_standing_claims_nothing_of_few():
    rng = np.random.default_rng(2)
    found = insights.compute(scored(levels(rng, 300, GOOD) + [{"level": 1, "team": "tiny"}] * 8), by=["team"])
    assert set(found["standing"].query("group == 'tiny'")["verdict"]) == {"too few"}


def test_standing_compares_with_csat():
    rows = (
        [{"level": 5, "csat": "Good"}] * 30
        + [{"level": 1, "csat": "Bad"}] * 30
        + [{"level": 1, "csat": "Good"}] * 3
        + [{"csat": "Offered"}] * 9
    )
    found = insights.compute(scored(rows))
    assert found["csat"]["n"].tolist() == [30, 33]
    assert "3 with the best rating read as levels 1 or 2, 0 with the worst" in found.results["csat"].finding


def test_csat_is_read_on_the_scale_of_its_words():
    said = ["Very satisfied"] * 40 + ["Neutral"] * 5 + ["Dissatisfied"] * 30 + ["Not offered"] * 9 + [""] * 3
    rows = [{"level": {"V": 5, "D": 2}.get(one[:1], 3), "csat": one} for one in said]
    found = insights.compute(scored(rows))
    assert found["csat"][["csat", "n"]].values.tolist() == [["dissatisfied", 30], ["neutral", 5], ["very satisfied", 40]]
    assert found.results["csat"].finding.startswith("Level and rating agree in all 75")


def test_csat_that_goes_with_nothing_is_said_to():
    rows = [{"level": level, "csat": f"{rating}/5"} for level in range(1, 7) for rating in range(1, 6)] * 10
    assert insights.compute(scored(rows)).results["csat"].finding.startswith("Level and rating do not agree beyond noise")


# ---------------------------------------------------------------- the staircase


def slide(rng, steps=(0, 0, 0, 1, 3, 8, 15, 22, 26, 28, 30, 30)):
    """A year in which same-day replies go from none to 30 of 120 interactions a month, and lose their shine."""
    rows = []
    for month, count in enumerate(steps, 1):
        day = f"2026-{month:02d}-11"
        rows += [{"level": 5 if month < 6 else 4, "text": "Fixed the same day.", "day": day}] * count
        rows += levels(rng, 120 - count, GOOD, day=day)
    return rows


def test_drift_recovers_a_planted_slide(rng):
    found = insights.compute(scored(slide(rng)), date="day")
    drift = found["drift"].set_index("gesture")
    assert drift.loc["same-day", "steps"] == 2
    assert drift.loc["same-day", "arithmetic"] == "1 of 480 (0.2%) in 2026-01 to 2026-04 -> 114 of 480 (23.8%) in 2026-09 to 2026-12"
    means = found["means_over_time"].set_index("period")
    assert means.loc["2026-01", "mean"] == pytest.approx(means.loc["2026-01", "today"])
    # 30 of 120 interactions at level 4 are worth a 3 by today's expectations.
    assert means.loc["2026-12", "mean"] - means.loc["2026-12", "today"] == pytest.approx(30 / 120)


def test_drift_leaves_what_was_always_common(rng):
    assert (insights.compute(scored(slide(rng, [25] * 12)), date="day")["drift"]["steps"] == 0).all()


def test_drift_leaves_what_stays_rare(rng):
    assert (insights.compute(scored(slide(rng, [0] * 11 + [3])), date="day")["drift"]["steps"] == 0).all()


def test_today_rests_on_the_gesture_that_still_surprises(rng):
    rows = slide(rng) + [{"level": 6, "text": "Fixed the same day, and he drove it over in his own car.", "day": "2026-12-11"}]
    with_car, without = (insights.compute(scored(part), date="day")["means_over_time"].iloc[-1] for part in (rows, rows[:-1]))
    lost = [(row["mean"] - row["today"]) * row["n"] for row in (with_car, without)]
    assert lost[0] == pytest.approx(lost[1])


def test_changes_find_a_planted_fall_and_recovery():
    rng = np.random.default_rng(3)
    rows = [row for m in range(1, 13) for row in levels(rng, 60, BAD if 4 <= m <= 7 else GOOD, day=f"2026-{m:02d}-03", team="B")]
    rows += [row for m in range(1, 13) for row in levels(rng, 60, GOOD, day=f"2026-{m:02d}-03", team="A")]
    found = insights.compute(scored(rows), by=["team"], date="day")["changes"]
    assert found.query("group == 'B'")["period"].tolist() == ["2026-04", "2026-08"]
    assert found.query("group == 'A'").empty
    assert found.query("group == 'B'").iloc[0]["high"] < 0


def test_changes_claim_nothing_where_nothing_changes():
    rng, false = np.random.default_rng(30), 0
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    for _ in range(150):
        keys = pd.MultiIndex.from_product([["team"], ["A", "B"], months], names=["by", "group", "period"])
        false += len(changes(pd.DataFrame(rng.multinomial(40, GOOD, len(keys)), index=keys, columns=range(1, 7), dtype=float))) > 0
    assert false <= 15  # as above


def test_changes_claim_nothing_of_small_stretches():
    rng = np.random.default_rng(12)
    rows = [{"level": 6, "day": f"2026-{month:02d}-02"} for month in (1, 2) for _ in range(9)]
    rows += [row for month in range(3, 13) for row in levels(rng, 60, BAD, day=f"2026-{month:02d}-02")]
    assert insights.compute(scored(rows), date="day")["changes"].empty
    many = [{"level": 6, "day": f"2026-{month:02d}-02"} for month in (1, 2) for _ in range(20)]
    changed = insights.compute(scored(many + rows[18:]), date="day")["changes"]
    assert changed[["period", "n_before"]].values.tolist() == [["2026-03", 40]]


def test_sentences_over_time_say_what_is_noise():
    rng = np.random.default_rng(13)
    flat = [row for month in range(1, 7) for row in levels(rng, 50, GOOD, day=f"2026-{month:02d}-02")]
    said = {name: result.finding for name, result in insights.compute(scored(flat), date="day").results.items()}
    assert said["levels_over_time"].endswith("which is no more than noise.")
    assert "(no more than noise)" in said["means_over_time"]
    risen = [row for month in range(1, 7) for row in levels(rng, 90, BAD if month < 4 else GOOD, day=f"2026-{month:02d}-02")]
    said = {name: result.finding for name, result in insights.compute(scored(risen), date="day").results.items()}
    assert "noise" not in said["levels_over_time"] + said["means_over_time"]
    assert said["changes"].startswith("The whole: the mean level rose from ")


def test_change_points_weigh_small_periods_little():
    means = np.array([3.0, 3.0, 3.0, 1.0, 3.0, 3.0, 3.0, 3.0])
    weights = np.array([100.0, 100, 100, 0.5, 100, 100, 100, 100])
    assert change_points(means, weights) == []


def test_without_a_date_nothing_is_told_over_time(rng):
    found = insights.compute(scored(levels(rng, 50, GOOD)))
    assert len(found["levels_over_time"]) == len(found["drift"]) == len(found["changes"]) == 0
    assert found.about["dated"] == 0
    over_time = ("levels_over_time", "means_over_time", "changes", "gestures", "drift")
    assert {found.results[name].finding for name in over_time} == {"No date is known, so there is nothing over time."}


# ---------------------------------------------------------------- one or two steps up


def failing(rng, n, team, category="delivery", share=0.5):
    """Half of the interactions fail in a category and are at 2; the others are at 4, nearly."""
    rows = []
    for _ in range(n):
        fails = rng.random() < share
        level = 2 if fails else 4 if rng.random() < 0.9 else 3
        rows.append({"level": level, "team": team, category: "failed" if fails else "none", "cause": "process" if fails else "none",
                     "evidence": "It came late" if fails else "", "text": "It came late." if fails else "All well."})  # fmt: skip
    return rows


def test_steps_up_ranks_the_planted_category_first():
    rng = np.random.default_rng(5)
    found = insights.compute(scored(failing(rng, 200, "A") + failing(rng, 200, "B", "mindset", 0.6)), by=["team"])
    table = found["steps_up"]
    first = table.query("group == 'B' and steps == 1").iloc[0]
    assert (first["name"], first["side"]) == ("service mindset", "failed")
    assert (found["steps_up"]["gap"] > 0).all()
    quotes = found.quotes("failed", "mindset", "team", "B")
    assert len(quotes) == 4
    assert [row.text[row.start : row.end] for row in quotes.itertuples()] == ["It came late"] * 4


def test_rises_estimate_the_planted_number():
    rng = np.random.default_rng(6)
    rises = insights.compute(scored(failing(rng, 600, "A", share=0.6)))["rises"]
    row = rises.query("category == 'delivery system' and steps == 2").iloc[0]
    # All that fail would be as those that do not, of which nine in ten are at level 4.
    assert row["target"] == 4
    assert row["rise"] == pytest.approx(0.9 * row["failing"], rel=0.06)
    assert row["low"] < 0.9 * row["failing"] < row["high"]


def test_steps_up_claims_nothing_where_nothing_separates():
    rng = np.random.default_rng(7)
    rows = levels(rng, 400, GOOD)
    for row in rows:
        row["primary"] = str(rng.choice(["failed", "none"]))
    assert insights.compute(scored(rows))["steps_up"].empty


# ---------------------------------------------------------------- wishes, rings, interests, truths, offerings


def test_wishes_and_competitors_are_counted_once_an_interaction():
    rows = [{"text": "I wish you opened later. I wish you had evening hours. Tollgate is cheaper than you."}] * 3 + [{}] * 7
    found = insights.compute(scored(rows))
    assert found["wishes"][["topic", "count", "n"]].values.tolist() == [["topic-hours", 3, 10]]
    named = found["competitors"][["name", "about", "better", "worse"]].values.tolist()
    assert named == [["Tollgate", "anything", 3, 0], ["Tollgate", "price and payment", 3, 0]]
    assert found.results["competitors"].finding == "Named in comparisons: Tollgate (better than us in 3, worse in 0)."
    assert found.quotes("wish", "topic-hours")["text"].str.startswith("I wish").all()


def test_inward_tells_what_delighted_and_no_longer_does():
    rows = [
        {"level": 5 if month <= 4 else 3, "text": "The tracking showed the van.", "day": f"2026-{month:02d}-01"} for month in range(1, 13)
    ] * 12
    found = insights.compute(scored(rows), date="day")
    assert found["inward"]["what"].tolist() == ["status-updates"]
    assert found["inward"]["arithmetic"][0].startswith("pleased in 48 of 48 (100%)")
    flat = insights.compute(scored([{**row, "level": 4} for row in rows]), date="day")
    assert flat["inward"].empty


def test_rings_share_adds_up(rng):
    rows = levels(rng, 60, BAD, ring="support", team="A") + levels(rng, 40, GOOD, ring="enhanced", team="B")
    rings = insights.compute(scored(rows), by=["team"])["rings"]
    assert rings.query("by == ''")["share"].sum() == pytest.approx(1)
    assert rings.query("by == '' and ring == 'support'")["n"].tolist() == [60]


def test_rings_differ_by_more_than_noise_or_are_said_not_to():
    rng = np.random.default_rng(14)

    def said(*shares):
        rings = zip(("product", "support", "enhanced"), shares, strict=True)
        rows = [row for ring, share in rings for row in levels(rng, 120, share, ring=ring)]
        return insights.compute(scored(rows)).results["rings"].finding

    assert "by no more than noise against the" in said(GOOD, GOOD, GOOD)
    told = said(BAD, GOOD, GOOD).split(";")[0]
    assert told.startswith("the first ring disappoints most")
    assert "noise" not in told


def test_interests_tell_what_followed(rng):
    rows = levels(rng, 60, GOOD, interest="client", relationship="delighted", text="I would recommend you to anyone.")
    table = insights.compute(scored(rows + levels(rng, 200, GOOD)))["interests"].set_index(["interest", "what"])
    assert table.loc[("client", "relationship delighted"), "share"] == 1
    assert table.loc[("client", "trust gained, recommending"), "p"] < 0.001


def test_value_map_recovers_importance():
    rng = np.random.default_rng(8)
    rows = []
    for _ in range(1500):
        outcome = {name: str(rng.choice(["failed", "none", "delighted"])) for name in CATEGORY_NAMES}
        pull = {"failed": -1, "none": 0, "delighted": 1}
        level = 3 + 1.0 * pull[outcome["delivery"]] + 0.3 * pull[outcome["primary"]] + rng.uniform(0, 1)
        rows.append({"level": int(level), **outcome})  # by chance up or down, so that the mean is kept
    value = insights.compute(scored(rows))["value_map"].set_index("category")
    assert value.loc["delivery system", "importance"] == pytest.approx(2.0, abs=0.1)
    assert value.loc["primary product", "importance"] == pytest.approx(0.6, abs=0.1)
    assert value.loc["service mindset", "importance_low"] < 0 < value.loc["service mindset", "importance_high"]
    assert "matters more" in value.loc["delivery system", "advice"]
    assert "matters less" in value.loc["service mindset", "advice"]


def test_value_map_claims_no_order_where_there_is_none():
    rng = np.random.default_rng(15)
    rows = []
    for _ in range(300):
        outcome = {name: str(rng.choice(["failed", "none", "delighted"])) for name in CATEGORY_NAMES}
        pull = sum({"failed": -0.6, "none": 0, "delighted": 0.6}[value] for value in outcome.values())
        rows.append({"level": int(np.clip(3 + pull + rng.uniform(0, 1), 1, 6)), **outcome})
    assert "none more or less than the others beyond noise" in insights.compute(scored(rows)).results["value_map"].finding


def test_causes_tell_process_from_person():
    rows = [{"level": 2, "delivery": "failed", "cause": "process"}] * 30 + [{"level": 2, "mindset": "failed", "cause": "person"}] * 10
    causes = insights.compute(scored(rows))["causes"].query("category == 'any category'").set_index("cause")
    assert causes["share"].to_dict() == {"process": 0.75, "person": 0.25, "customer": 0.0, "external": 0.0, "none": 0.0}


def test_offerings_tell_wished_praised_and_damned():
    rows = [
        {"text": "I wish you had an extended warranty."},
        {"text": "The warranty paid at once.", "level": 4},
        {"text": "The warranty is worthless.", "level": 1},
        {"text": "Is there a warranty?"},
    ]
    table = insights.compute(scored(rows))["offerings"].iloc[0]
    assert table[["wished for", "praised", "damned", "mentioned"]].tolist() == [1, 1, 1, 1]


def test_read_these_marks_the_evidence():
    rows = [{"level": 1, "text": "Hi. You lied to me. Bye.", "evidence": "You lied to me", "evidence_start": 4, "evidence_end": 18}, {}]
    row = insights.compute(scored(rows))["read_these"].iloc[0]
    assert (row["what"], row["row"], row["text"][row["start"] : row["end"]]) == ("criminal", 1, "You lied to me")


def test_read_these_tells_how_many_there_are():
    assert insights.compute(scored([{"level": 1}] * 70)).results["read_these"].finding == (
        "To read: the 50 surest of 70 criminal and no unbelievable interactions."
    )


# ---------------------------------------------------------------- files, states, collections


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    rng = np.random.default_rng(9)
    table = scored([{**row, "text": f'Line {i}, "quoted"\nI wish you opened later.'} for i, row in enumerate(slide(rng))])
    path = tmp_path_factory.mktemp("insights") / "scored.csv"
    table.to_csv(path, index=False)
    return table, path


def assert_same(one, other):
    assert one.counts == other.counts
    assert one.n_rows == other.n_rows
    assert one.extremes == other.extremes
    pd.testing.assert_frame_equal(one.quotations(), other.quotations())


@pytest.mark.parametrize("suffix", ["tsv", "jsonl", "parquet", "xlsx"])
def test_all_formats_give_the_same(year, tmp_path, suffix):
    table, path = year
    table, other = table.head(300), tmp_path / f"scored.{suffix}"
    write = {
        "tsv": lambda: table.to_csv(other, sep="\t", index=False),
        "jsonl": lambda: table.to_json(other, orient="records", lines=True),
        "parquet": lambda: table.to_parquet(other, index=False),
        "xlsx": lambda: table.to_excel(other, index=False),
    }
    write[suffix]()
    assert_same(insights.tally(other, by=["team"], date="day"), insights.tally(table, by=["team"], date="day"))


def test_state_goes_on_where_it_ended(year, tmp_path):
    table, path = year
    grown, state = tmp_path / "grown.csv", tmp_path / "state"
    table.head(500).to_csv(grown, index=False)
    insights.tally(grown, by=["team"], date="day", state=state)
    table.iloc[500:900].to_csv(grown, index=False, header=False, mode="a")
    insights.tally(grown, by=["team"], date="day", state=state)
    table.iloc[900:].to_csv(grown, index=False, mode="a")  # with its header, as cat would
    assert_same(insights.tally(grown, by=["team"], date="day", state=state), insights.tally(path, by=["team"], date="day"))


def test_state_reads_only_what_was_appended(year, tmp_path, monkeypatch):
    from servicenlp.insights import states

    _, path = year
    state, read = tmp_path / "state", []
    monkeypatch.setattr(states, "canonical", lambda rows, plan, first: read.append(len(rows)) or real(rows, plan, first))
    from servicenlp.insights.records import canonical as real

    insights.tally(path, date="day", state=state)
    insights.tally(path, date="day", state=state)
    assert read == [1440]


def test_state_of_another_file_or_task_is_not_gone_on_with(year, tmp_path):
    table, path = year
    other, state = tmp_path / "scored.csv", tmp_path / "state"
    table.head(200).to_csv(other, index=False)
    insights.tally(other, date="day", state=state)
    table.iloc[200:700].to_csv(other, index=False)
    assert insights.tally(other, date="day", state=state).n_rows == 500
    assert insights.tally(other, date="day", by=["team"], state=state).counts["levels"]
    assert state.stat().st_mode & 0o077 == 0


def test_state_that_is_none_is_refused(year, tmp_path):
    state = tmp_path / "state"
    state.write_text("not ours")
    with pytest.raises(DataError, match=r"state: not a state of ours"):
        insights.tally(year[1], state=state)


def test_parts_do_not_matter(year, monkeypatch):
    from servicenlp.insights import files

    table, path = year
    whole = insights.tally(path, by=["team"], date="day")
    monkeypatch.setattr(files, "_SIZE", 333)
    assert_same(insights.tally(path, by=["team"], date="day"), whole)


def test_skipped_rows_are_left_out():
    table = scored([{"level": 4}, {"level": 2}])
    table.loc[1, ["service_level", "service_status"]] = [np.nan, "skipped: no text"]
    assert insights.compute(table).about["scored"] == 1


def test_write_gives_every_table_with_its_definition(year, tmp_path):
    found = insights.compute(year[0].head(400), by=["team"], date="day")
    paths = found.write(tmp_path / "tables")
    assert {path.stem for path in paths} == {*found, "quotations", "definitions", "about"}
    definitions = pd.read_csv(tmp_path / "tables" / "definitions.csv").set_index("name")
    assert set(found) <= set(definitions.index)
    assert definitions.loc["value_map", "source"].startswith("Frei and Morriss")
    assert definitions["source"].str.contains("Kaufman|Clemmer|Frei and Morriss|Values-based|New service models").all()
    assert found["drift"].attrs["source"].startswith("Kaufman")
    read = pd.read_csv(tmp_path / "tables" / "standing.csv", keep_default_na=False)
    assert len(read) == len(found["standing"])
    with pytest.raises(DataError, match=r"is there already"):
        found.write(tmp_path / "tables")


def test_compute_names_what_is_lacking(year):
    table, _ = year
    with pytest.raises(DataError, match=r"not scored. Found no column 'service_level'. Score it first"):
        insights.compute(table[["text"]])
    with pytest.raises(DataError, match=r"no column 'squad'. Found 'text', 'team', 'day'"):
        insights.compute(table, by=["squad"])
    with pytest.raises(DataError, match=r"groups by time without a date"):
        insights.compute(table, by=["week"])


def test_groups_beyond_many_are_one():
    rows = [{"team": f"t{i}"} for i in range(250)]
    table = insights.compute(scored(rows), by=["team"])["means"]
    assert table.query("by == 'team'")["n"].sum() == 250
    assert table.query("group == '(other groups)'")["n"].tolist() == [50]


def test_real_scores_go_through(model):
    rows = pd.DataFrame(
        {
            "text": ["You lied to me, never again.", "So quick and so kind, thank you!", "", "What time do you open?"] * 20,
            "when": ["03/02/2026"] * 80,
        }
    )
    found = insights.compute(servicenlp.score_frame(rows, model=model), date="when", by=["week"])
    assert found.about["first"] == "2026-02"
    assert found["means"].query("by == 'week'")["group"].tolist() == ["2026-W06"]
    assert json.dumps(found.about)


def test_rules_are_quick_enough_for_a_million():
    rules = load_rules()
    text = "I ordered a lamp on Monday, it came on Wednesday with a crack, so I rang to ask. They were kind and sent me another. "
    begin = time.process_time()
    for i in range(2000):
        rules.find(text + str(i))
    assert (time.process_time() - begin) / 2000 < 0.002


# ---------------------------------------------------------------- statistics


def test_wilson_keeps_its_promise():
    rng = np.random.default_rng(4)
    counts = rng.binomial(60, 0.08, 4000)
    low, high = wilson(counts, 60)
    assert 0.93 <= np.mean((low <= 0.08) & (high >= 0.08)) <= 0.98
    assert wilson(0, 0) == (0.0, 1.0)


def test_two_shares_is_exact_for_few_and_symmetric():
    assert two_shares(0, 5, 5, 5) == pytest.approx(0.0079, abs=1e-4)
    assert two_shares(40, 100, 60, 100) == pytest.approx(two_shares(60, 100, 40, 100))
    assert two_shares(0, 10, 0, 10) == 1


def test_adjust_is_never_smaller():
    p = [0.001, 0.02, 0.5]
    assert (adjust(p) >= p).all()
    assert len(adjust([])) == 0


def test_mean_level_of_none_is_unknown():
    assert np.isnan(mean_level([0] * 6).mean)
    assert mean_level([0, 0, 10, 0, 0, 0])[:3] == (3, 3, 3)
