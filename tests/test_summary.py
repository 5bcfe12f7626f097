import io
from pathlib import Path

import pytest

from servicenlp import scoring
from servicenlp.readers import Batch, open_source
from servicenlp.scoring import Scorer
from servicenlp.streaming import Scored, score_files
from servicenlp.summary import Summary

EXAMPLE = Path(__file__).parent.parent / "data" / "examples" / "tickets.csv"


@pytest.fixture(scope="module")
def shown(model) -> str:
    texts = ["They lied to me and kept my money. Thieves.", "", "Marta was lovely.", "5"]
    summary = Summary()
    batch = Batch([[text] for text in texts], texts, {}, {}, set())
    summary.add(Scored(batch, Scorer(model).score(texts, {}, {})))
    return summary.render()


def test_render_counts_rows(shown):
    assert shown.startswith("4 rows: 2 scored, 2 skipped\n")
    assert "       1 skipped: no text" in shown
    assert "       1 skipped: no words" in shown


def test_render_fits_a_terminal(shown):
    assert max(map(len, shown.splitlines())) <= 80


def test_render_names_every_level_and_category(shown):
    names = ("criminal", "basic", "expected", "desired", "surprising", "unbelievable", "primary product", "ongoing relationship")
    assert [name for name in names if name not in shown] == []


def test_render_numbers_the_worst_rows_from_one(shown):
    assert "row 1  " in shown.split("Most surely criminal")[1]


def test_render_of_nothing_scored():
    summary = Summary()
    assert summary.render() == "0 rows: 0 scored, 0 skipped"


def test_add_by_parts_gives_the_same_as_at_once(model, monkeypatch):
    def summarise() -> str:
        summary = Summary()
        for part in score_files(Scorer(model), [open_source(EXAMPLE)], None, io.StringIO()):
            summary.add(part)
        return summary.render()

    at_once = summarise()
    monkeypatch.setattr(scoring, "BATCH", 17)
    assert summarise() == at_once
