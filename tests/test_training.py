import json

import pytest
from threadpoolctl import threadpool_limits

from servicenlp.errors import DataError
from servicenlp.persistence import load_model
from servicenlp.training import train

WORDS = "awful poor usual good wonderful astonishing".split()


def rows(**more) -> list[dict]:
    return [
        {"text": f"{word} {noun} today, it was {word}", "level": level, "family": f"f{i % 3}", "evidence": f"it was {word}"}
        | {name: values[level % len(values)] for name, values in more.items()}
        for level, word in enumerate(WORDS, 1)
        for i, noun in enumerate(("room", "meal", "parcel", "call"))
    ]


@pytest.fixture
def data(tmp_path):
    def data(rows) -> list:
        (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return [tmp_path / "mine.jsonl"]

    return data


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


def test_train_writes_a_model_that_loads(data, tmp_path):
    card = train(data(rows(cause=["none", "process"])), tmp_path / "model", n_jobs=1)
    model = load_model(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["card.json", "card.md", "terms.txt", "weights.npz"]
    assert model.card_ == card
    assert list(model.outputs_) == ["level", "cause"]
    assert card["about"]["data"] == [{"file": "mine", "interactions": 24, "weight": 1.0, "levels": [4] * 6}]
    assert set(card["about"]["figures"]) == {"all", "file"}


def test_train_twice_gives_the_same_bytes(data, tmp_path):
    for name in "ab":
        train(data(rows()), tmp_path / name / "model", n_jobs=1)
    files = [sorted((tmp_path / name / "model").iterdir()) for name in "ab"]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_train_writes_a_card_for_people(data, tmp_path):
    card = train(data(rows(channel=["chat", "email"])), tmp_path / "model", n_jobs=1)
    shown = (tmp_path / "model" / "card.md").read_text(encoding="utf-8")
    assert shown.startswith(f"# Model card: model ({card['id']})\n")
    assert "| mine | 24 | 1 | 4, 4, 4, 4, 4, 4 |" in shown
    assert "| chat | 12 |" in shown
    assert "## Limits" in shown


def test_train_leaves_bad_lines_out_and_says_so(data, tmp_path):
    card = train(data([*rows(), {"text": "x y", "level": 9}]), tmp_path / "model", strict=False, n_jobs=1)
    assert card["about"]["left_out"] == ["mine.jsonl, line 25: level 9 is not one of 1, 2, 3, 4, 5, 6"]
    assert "## Left out: 1 lines" in (tmp_path / "model" / "card.md").read_text(encoding="utf-8")


def test_train_stops_at_a_bad_line(data, tmp_path):
    with pytest.raises(DataError, match="level 9 is not one of"):
        train(data([*rows(), {"text": "x y", "level": 9}]), tmp_path / "model", n_jobs=1)
    assert not (tmp_path / "model").exists()


def test_train_has_no_figures_without_families(data, tmp_path):
    without = [{name: cell for name, cell in row.items() if name != "family"} for row in rows()]
    assert train(data(without), tmp_path / "model", n_jobs=1)["about"]["figures"] == {}


def test_train_bears_rows_without_a_level(data, tmp_path):
    gaps = [row | {"level": None} if i % 6 == 5 else row for i, row in enumerate(rows(cause=["none", "process"]))]
    assert train(data(gaps), tmp_path / "model", n_jobs=1)["about"]["figures"]["all"]["level accuracy"] > 0


def test_train_learns_without_levels(data, tmp_path):
    without = [{name: cell for name, cell in row.items() if name != "level"} for row in rows(cause=["none", "process"])]
    card = train(data(without), tmp_path / "model", n_jobs=1)
    assert list(card["labels"]) == ["cause"]
