import pandas as pd
import pytest
from click.testing import CliRunner

from servicenlp import insights
from servicenlp.cli import main
from servicenlp.errors import DataError
from servicenlp.insights.limits import check_limit, parse_limit
from servicenlp.insights.trends import render
from servicenlp.taxonomy import CATEGORY_NAMES


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Ten interactions a month: one criminal in January to March, five in April; half of them Billing's."""
    rows = []
    for month in range(1, 5):
        for i in range(10):
            level = 1 if i < (5 if month == 4 else 1) else 4
            row = {"Words": "So it was.", "Team": "Billing" if i % 2 else "Repairs", "Created": f"2026-{month:02d}-1{i} 09:00"}
            row |= {"service_level": level, "service_status": "scored", "service_flags": "criminal|churn-risk" if level == 1 else ""}
            row |= {f"service_{name}": "none" for name in CATEGORY_NAMES}
            rows.append(row | {"service_delivery": "failed" if level == 1 else "none"})
    rows.append({**rows[0], "Created": "soon"})
    file = tmp_path_factory.mktemp("trend") / "scored.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def counted(path):
    return insights.tally(path, by=["Team"], date="Created")


def run(*args):
    return CliRunner().invoke(main, ["trend", *map(str, args)])


def test_trend_is_readable_at_80_columns(path):
    result = run(path, "--date", "Created", "--by", "Team")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "2026-04       10 1111111111111111111144444444444444444444   50%  2.50" in result.stdout
    assert "Team: Billing" in result.stdout
    assert "1 of 41 scored rows have no date" in result.stderr


def test_trend_writes_a_table(path, tmp_path):
    out = tmp_path / "trend.csv"
    assert run(path, "--date", "Created", "--by", "Team", "-o", out).exit_code == 0
    table = pd.read_csv(out)
    assert len(table) == 12
    assert table.query("group == '(all)' and period == '2026-04'")["criminal"].tolist() == [0.5]
    again = run(path, "--date", "Created", "-o", out)
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_trend_writes_all_tables(path, tmp_path):
    assert run(path, "--date", "Created", "--tables", tmp_path / "tables").exit_code == 0
    assert (tmp_path / "tables" / "value_map.csv").exists()


def test_trend_fails_in_one_line_when_a_limit_is_passed(path):
    result = run(path, "--date", "Created", "--fail-if", "criminal>15%", "--fail-if", "criminal>60%")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {path}: limit passed. criminal: 9 of 41 (22.0%), more than 15%."


def test_trend_refuses_a_column_without_dates(path):
    result = run(path, "--date", "Words")
    assert result.exit_code == 1
    assert "no dates in the column 'Words'" in result.stderr


def test_trend_uses_its_state(path, tmp_path):
    first, again = (run(path, "--date", "Created", "--state", tmp_path / "state") for _ in range(2))
    assert first.stdout == again.stdout


@pytest.mark.parametrize(
    ("limit", "passed"),
    [
        ("criminal>22%", None if 9 / 41 <= 0.22 else "x"),
        ("criminal>8", "criminal: 9 of 41 (22.0%), more than 8."),
        ("criminal>9", None),
        ("criminal > 50% @period=last", None),
        ("criminal>49.9%@period=last", "criminal in 2026-04: 5 of 10 (50.0%), more than 49.9%."),
        ("churn-risk>2@period=last@Team=Billing", None),
        ("delivery failed>2@period=2026-04@Team=Repairs", "delivery failed in 2026-04 for Team Repairs: 3 of 5 (60.0%), more than 2."),
        ("desired<90%", "desired: 32 of 41 (78.0%), less than 90%."),
        ("mindset delighted<1", "mindset delighted: 0 of 41 (0.0%), less than 1."),
    ],
)
def test_limits(counted, limit, passed):
    assert check_limit(parse_limit(limit), counted) == passed


def test_limit_is_exact(counted):
    assert check_limit(parse_limit("criminal>50%@period=last"), counted) is None
    assert check_limit(parse_limit("criminal<50%@period=last"), counted) is None


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("criminal", r"not a limit. Found 'criminal'"),
        ("criminal>=5%", r"not a limit"),
        ("awful>5%", r"nothing of that name. Found 'awful'. Choose from criminal, "),
        ("criminal>5%@Team=A@Channel=B", r"more than one group"),
    ],
)
def test_limits_that_cannot_be_read(limit, message):
    with pytest.raises(DataError, match=message):
        parse_limit(limit)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("criminal>5%@period=2031-01", r"no such period. Found 2026-01, "),
        ("criminal>5%@Team=Sales", r"no such group. Found 'Billing', 'Repairs'"),
    ],
)
def test_limits_that_have_no_subject(counted, limit, message):
    with pytest.raises(DataError, match=message):
        check_limit(parse_limit(limit), counted)


def test_render_shows_the_example_help_desk(model):
    from servicenlp import score_frame

    table = pd.read_csv("data/examples/helpdesk.csv")
    scored = score_frame(table, text="Message", model=model)
    found = insights.compute(scored, by=["Team"], date="Created")
    shown = render(found)
    assert {"same-day", "refund-before-asked"} <= set(found["drift"].query("steps > 0")["gesture"])
    assert "same-day reply or fix has slid 2 steps: 1 of 152 (0.7%) in 2025-01" in shown
    assert max(map(len, shown.splitlines())) <= 80
