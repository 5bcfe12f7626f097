import re
import xml.etree.ElementTree as ET
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from servicenlp import insights
from servicenlp.charts import Bar, Part, Point, Range, bars, lines, plane
from servicenlp.cli import main
from servicenlp.figures import MAX_GROUPS, figures
from servicenlp.insights.records import find_date
from servicenlp.reporting import describe_page, render, write_report
from servicenlp.taxonomy import CATEGORY_NAMES

NONE = {**dict.fromkeys(CATEGORY_NAMES, "none"), "ring": "none", "cause": "none", "interest": "none", "flags": "", "evidence": ""}
TEXTS = {
    1: "You charged me twice and nobody calls back.",
    2: "Slow. I wish you were open on Sundays.",
    3: "It came.",
    4: "Engineer came the same day.",
    5: "They refunded me before I asked.",
    6: "He drove out in his own car at night.",
}
FAILED = {
    1: {"primary": "failed", "cause": "process", "ring": "product", "interest": "company"},
    2: {"delivery": "failed", "ring": "support"},
}
GOOD = {4: {"delivery": "delighted", "ring": "support"}, 5: {"mindset": "delighted", "ring": "enhanced", "interest": "client"}}


def scored(n=400, seed=3, **columns):
    """Return scored rows of all levels over a year, in two teams."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        level = int(rng.choice(np.arange(1, 7), p=[0.15, 0.25, 0.3, 0.2, 0.07, 0.03]))
        told = {"level": level, **NONE, **FAILED.get(level, {}), **GOOD.get(level, {}), "evidence": TEXTS[level][:8]}
        rows.append({"Team": "AB"[k % 2], "Created": f"2025-{k * 12 // n + 1:02d}-07", "text": TEXTS[level], **told})
    table = pd.DataFrame(rows)
    table["status"], table["model"], table["evidence_start"], table["evidence_end"] = "scored", "default-abc", 0, 8
    table["p_level_1"], table["p_level_6"] = (table["level"] == 1) * 0.9, (table["level"] == 6) * 0.9
    table = table.rename(columns={name: f"service_{name}" for name in table if name not in ("Team", "Created", "text")})
    return table.assign(**columns)


@pytest.fixture(scope="module")
def found():
    return insights.compute(scored(), by=["Team"], date="Created")


@pytest.fixture(scope="module")
def page(found):
    return describe_page(found, "tickets.csv")


@pytest.fixture(scope="module")
def html(page):
    return render(page)


def blocks(page):
    return {block["name"]: block for section in page["sections"] for block in section["blocks"]}


class Walk(HTMLParser):
    """Every tag with its attributes; `open_` is what was never closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open_ = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "rect", "line", "circle", "polygon", "polyline", "path"):
            self.open_.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open_.pop() == tag


def test_page_loads_nothing(html):
    tags = Walk(html).tags
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base"} == set()
    assert [tag for tag, attributes in tags if "src" in attributes or any(name.startswith("on") for name in attributes)] == []
    assert all(attributes["href"].startswith("#") for tag, attributes in tags if tag == "a")


def test_page_is_well_formed(html):
    walk = Walk(html)
    assert walk.open_ == []
    ids = [attributes["id"] for _, attributes in walk.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in walk.tags if tag == "a"}
    labels = {name for _, attributes in walk.tags for name in attributes.get("aria-labelledby", "").split()}
    assert targets | labels <= set(ids)


def test_page_can_be_heard(html):
    tags = Walk(html).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    charts = [attributes for tag, attributes in tags if tag == "svg" and attributes.get("class") == "chart"]
    assert charts
    assert all(chart["role"] == "img" and len(chart["aria-labelledby"].split()) == 2 for chart in charts)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    assert dict(tags)["html"]["lang"] == "en"


def test_sections_stand_in_the_order_of_the_issue(page):
    assert [section["title"] for section in page["sections"]] == [
        "Where we stand", "The staircase slides down", "One or two steps up", "Ask the customer", "Three rings", "Values-based service",
        "Four truths", "New service models", "Read these",
    ]  # fmt: skip


def test_each_chart_has_its_table_sentence_and_source(page):
    for block in blocks(page).values():
        assert block["finding"].endswith(".")
        assert block["meaning"]
        assert block["source"]
        assert not block["figures"] or block["table"]["rows"]


def test_page_is_the_same_twice():
    made = [render(describe_page(insights.compute(scored(), by=["Team"], date="Created"), "t.csv")) for _ in range(2)]
    assert made[0] == made[1]


def test_numbers_of_the_page_are_those_of_the_tables(found, page, html):
    means = found["means"].query("by == ''").iloc[0]
    assert f"<strong>{means['mean']:.2f}</strong> <span>{means['low']:.2f} to {means['high']:.2f}</span>" in html
    criminal = found["standing"].query("by == '' and measure == 'criminal'").iloc[0]
    assert ("criminal", f"{criminal['share']:.1%}", f"{criminal['low']:.1%} to {criminal['high']:.1%}") in page["tiles"]
    first, told = found["drift"].iloc[0], blocks(page)["drift"]
    assert first["arithmetic"].replace("->", "→") in told["table"]["rows"][0]
    causes = found["causes"].query("by == '' and category == 'any category' and cause == 'process'").iloc[0]
    assert f"{causes['share']:.0%} ({causes['low']:.0%} to {causes['high']:.0%}) came of a process" in blocks(page)["causes"]["finding"]
    assert f"{causes['n']} interactions" in blocks(page)["causes"]["finding"]
    rise = found["rises"].query("by == '' and steps == 1").iloc[0]
    assert f"{rise['rise']:.0f} of {rise['n']}" in blocks(page)["rises"]["finding"]


def test_written_cells_are_rounded_figures_of_the_table(found, page):
    table = blocks(page)["standing"]["table"]
    at = {name: k for k, name in enumerate(table["headings"])}
    assert table["all"] == len(found["standing"])
    for row, cells in zip(found["standing"].itertuples(), table["rows"], strict=True):
        assert cells[at["count"]] == f"{row.count:,}" if isinstance(row.count, int) else True
        assert cells[at["share"]] == f"{row.share:.1%}"
        assert cells[at["low"]] == f"{row.low:.1%}"


def test_bars_are_as_long_as_their_shares(found):
    svg = ET.fromstring(figures(found, "standing")[0].svg)
    widths = [float(rect.get("width")[:-1]) for rect in svg.iter("rect")]
    shares = found["standing"].query("by == ''")["share"].head(6) * 100
    assert widths == pytest.approx(shares.tolist(), abs=0.006)
    assert sum(widths) == pytest.approx(100, abs=0.05)


def test_changes_are_marked_where_the_table_has_them():
    table = scored(600)
    late = table["Created"] >= "2025-07"
    table.loc[late, "service_level"] = 1
    found = insights.compute(table, date="Created")
    change = found["changes"].iloc[0]
    figure = figures(found, "means_over_time")[0]
    assert change["period"] == "2025-07"
    assert f"from 2025-07: {change['before']:.2f} → {change['after']:.2f}" in unescape(figure.svg)


def test_customers_words_are_escaped_and_their_evidence_is_marked():
    table = scored(80, text="<script>alert(1)</script> & \"so\" 'on'", Team='<b>Ann & "Co"</b>')
    html = render(describe_page(insights.compute(table, by=["Team"]), "<i>x</i>.csv"))
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<mark>&lt;script&gt;</mark>alert(1)" in html
    assert "&lt;i&gt;x&lt;/i&gt;.csv" in html
    assert Walk(html).open_ == []


def test_criminal_ones_are_read_first(page):
    read = blocks(page)["read_these"]["read"]
    assert [part["title"] for part in read] == ["criminal", "unbelievable"]
    assert {quote["value"] for quote in read[0]["first"] + read[0]["rest"]} == {1}
    assert read[0]["first"][0]["parts"] == ("", "You char", "ged me twice and nobody calls back.")


def test_redact_masks_quotations_and_tables():
    text = "You charged me twice. I am at dana@home.example, and nobody calls back."
    table = scored(80, text=text, service_evidence=text[22:47], service_evidence_start=22, service_evidence_end=47)
    found = insights.compute(table, by=["Team"], redact=True)
    html = render(describe_page(found, "t.csv"))
    assert "dana" not in html
    assert "I am at [EMAIL]</mark>" in html
    assert not found.quotations["text"].str.contains("dana").any()
    assert not found["read_these"]["text"].str.contains("dana").any()
    assert "dana" in render(describe_page(insights.compute(table, by=["Team"]), "t.csv"))


@pytest.mark.parametrize("n", [1, 2, 30])
def test_few_rows_make_a_page_without_claims(n):
    page = describe_page(insights.compute(scored(n), by=["Team"], date="Created"), "t.csv")
    assert Walk(render(page)).open_ == []
    assert blocks(page)["standing"]["finding"].startswith(("None of", "There is only one group"))
    assert "No group" in blocks(page)["changes"]["finding"]


def test_nothing_scored_makes_a_page_that_says_so():
    table = scored(3).assign(service_status="skipped: no text", service_level="")
    html = render(describe_page(insights.compute(table), "t.csv"))
    assert "Nothing was scored" in html
    assert "3: 0 scored, 3 skipped" in html


def test_one_level_no_date_no_group():
    page = describe_page(insights.compute(scored(50, service_level=3)), "t.csv")
    assert blocks(page)["levels_over_time"]["figures"] == []
    assert blocks(page)["means"]["figures"] == []
    assert ("Dates", "none") in page["facts"]
    assert Walk(render(page)).open_ == []


def test_page_stays_small_with_many_groups_weeks_and_long_texts():
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 1200, 3000), "D")
    table = scored(3000, Team=[f"Team {k}" for k in rng.integers(0, 12, 3000)], Created=days.strftime("%Y-%m-%d"))
    table["Agent"] = [f"Agent {k}" for k in rng.integers(0, 30, 3000)]
    table["text"] = table["text"] + " And so it went on and on." * 200
    page = describe_page(insights.compute(table, by=["Team", "Agent"], date="Created", period="week"), "t.csv")
    assert len(render(page).encode()) < 1_000_000
    assert len(blocks(page)["levels_over_time"]["figures"]) == 1 + 2 * MAX_GROUPS


def test_file_is_written_whole(tmp_path, found, html):
    write_report(found, tmp_path / "r.html", "tickets.csv")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == html
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_command_finds_the_date_and_columns_in_any_case(tmp_path):
    scored().to_csv(tmp_path / "scored.csv", index=False)
    told = CliRunner().invoke(
        main,
        ["report", str(tmp_path / "scored.csv"), "--by", "team,quarter", "-o", str(tmp_path / "r.html"), "--tables", str(tmp_path / "t")],
    )
    assert told.exit_code == 0, told.output
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "2025Q1 to 2025Q4 (column Created, by quarter)" in html
    assert str(tmp_path) not in html
    tables = {path.name for path in (tmp_path / "t").iterdir()}
    assert {match for match in re.findall(r"(\w+\.csv) of --tables", html)} <= tables


def test_command_fails_where_a_limit_is_passed_and_writes_the_page_all_the_same(tmp_path):
    scored().to_csv(tmp_path / "scored.csv", index=False)
    arguments = ["report", str(tmp_path / "scored.csv"), "-o", str(tmp_path / "r.html")]
    told = CliRunner().invoke(main, [*arguments, "--fail-if", "criminal>5%"])
    assert told.exit_code == 1
    assert "limit passed. criminal:" in told.output
    assert (tmp_path / "r.html").exists()
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "is there already" in again.output


def test_command_says_where_dates_are_missing(tmp_path):
    scored().drop(columns="Created").to_csv(tmp_path / "scored.csv", index=False)
    told = CliRunner().invoke(main, ["report", str(tmp_path / "scored.csv"), "--by", "team,week", "-o", str(tmp_path / "r.html")])
    assert told.exit_code == 1
    assert "no column of dates for --by week" in told.output
    told = CliRunner().invoke(main, ["report", str(tmp_path / "scored.csv"), "--date", "team", "-o", str(tmp_path / "r.html")])
    assert told.exit_code == 1
    assert "no dates in the column 'team'" in told.output


def test_report_goes_on_from_its_state(tmp_path):
    whole = scored()
    arguments = ["report", str(tmp_path / "scored.csv"), "--by", "team", "--force", "-o", str(tmp_path / "r.html")]
    for rows in (whole.head(300), whole):
        rows.to_csv(tmp_path / "scored.csv", index=False)
        assert CliRunner().invoke(main, [*arguments, "--state", str(tmp_path / "state.gz")]).exit_code == 0
    appended = (tmp_path / "r.html").read_bytes()
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert (tmp_path / "r.html").read_bytes() == appended


def test_competitors_come_from_a_file_or_from_commas(tmp_path):
    from servicenlp.commands.options import competitor_names

    (tmp_path / "names.txt").write_text("Fennline\n\nHill & Sons\nFennline\n", encoding="utf-8")
    assert competitor_names(str(tmp_path / "names.txt")) == ["Fennline", "Hill & Sons"]
    assert competitor_names("Fennline, Hill & Sons,") == ["Fennline", "Hill & Sons"]
    assert competitor_names("") == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Updated date": ["2026-01-02"], "Created": ["2026-01-01"]}, "Created"),
        ({"Time tracked": ["00:12:00"], "when": ["3/4/2026"]}, "when"),
        ({"First response time (in hrs)": ["5"], "text": ["on 2026-01-01"]}, ""),
        ({"timestamp": ["", "1772611200"]}, "timestamp"),
    ],
)
def test_find_date(tmp_path, columns, expected):
    n = max(map(len, columns.values()))
    pd.DataFrame({**columns, "service_date": ["2026-01-01"] * n}).to_csv(tmp_path / "s.csv", index=False)
    assert find_date(tmp_path / "s.csv") == expected


def test_chart_words_are_escaped_and_shortened():
    svg = ET.fromstring(bars("x", "A & B", "<said>", [Bar('"' + "long <name> " * 20, [Part(1, "k")], "n = 3")], 1))
    label = next(text.text for text in svg.iter("text") if text.get("class") == "label")
    assert label.startswith('"long <name>')
    assert label.endswith("…")
    assert svg.find("desc").text == "<said>"


def test_line_keeps_within_its_plot():
    svg = ET.fromstring(lines("x", "t", "d", ["2025-01", "2025-02"], [Range("", 1, -3, 9), Range("", 6, 1, 6)], height=100))
    points = svg.find("svg").find("polygon").get("points").split()
    assert all(0 <= float(point.split(",")[1]) <= 100 for point in points)


def test_plane_puts_more_to_the_right_and_up():
    points = [Point("low", (0, 0, 0), (0, 0, 0)), Point("high", (1, 1, 1), (1, 1, 1))]
    svg = ET.fromstring(plane("x", "t", "d", points, ("x", "y"), ("a", "b", "c", "d")))
    balls = [(float(ball.get("cx")[:-1]), float(ball.get("cy"))) for ball in svg.iter("circle")]
    assert balls[0][0] < balls[1][0]
    assert balls[0][1] > balls[1][1]


def test_tables_that_are_there_are_told_of_before_anything_is_read(tmp_path):
    scored().to_csv(tmp_path / "scored.csv", index=False)
    arguments = ["report", str(tmp_path / "scored.csv"), "-o", str(tmp_path / "r.html"), "--tables", str(tmp_path / "t")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    (tmp_path / "r.html").unlink()
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 1
    assert "about.csv: is there already" in told.output
    assert not (tmp_path / "r.html").exists()
