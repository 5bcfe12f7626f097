import json

import pytest

from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.grouping import split_groups
from servicenlp.persistence import load_model
from servicenlp.training import train

WORDS = "awful poor usual good wonderful astonishing".split()


def own_words(level: int, i: int) -> str:
    """Words of one text alone, lest texts be near-copies of each other."""
    return " ".join(f"{'abcdefg'[level]}{'abcd'[i]}{letter * 3}" for letter in "pqrstuvw")


def rows(**more) -> list[dict]:
    return [
        {"text": f"{word} {noun}, it was {word} {own_words(level, i)}", "level": level, "family": f"f{i % 3}", "evidence": f"it was {word}"}
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


def test_train_writes_a_model_that_loads(data, tmp_path):
    card = train(data(rows(cause=["none", "process"])), tmp_path / "model", n_jobs=1)
    model = load_model(tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names - {"reliability.svg"} == {"card.json", "card.md", "terms.txt", "weights.npz"}
    assert model.card_ == card
    assert list(model.outputs_) == ["level", "cause"]
    assert card["about"]["data"] == [{"file": "mine", "interactions": 24, "weight": 1.0, "levels": [4] * 6}]
    assert set(card["about"]["figures"]) == {"all", "labels", "file", "reliability", "plot"}


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
    assert card["about"]["notes"][0] == "Left out: mine.jsonl, line 25: level 9 is not one of 1, 2, 3, 4, 5, 6."
    assert "## Left out: 1 lines" in (tmp_path / "model" / "card.md").read_text(encoding="utf-8")


def test_train_stops_at_a_bad_line(data, tmp_path):
    with pytest.raises(DataError, match="level 9 is not one of"):
        train(data([*rows(), {"text": "x y", "level": 9}]), tmp_path / "model", n_jobs=1)
    assert not (tmp_path / "model").exists()


def bare(**more) -> list[dict]:
    return [{name: cell for name, cell in row.items() if name != "family"} for row in rows(**more)]


def test_train_keeps_near_copies_together_where_there_are_no_families(data, tmp_path):
    copies = [row | {"text": f"{row['text']} {i}"} for row in bare() for i in range(2)]
    card = train(data(copies), tmp_path / "model", n_jobs=1)
    assert card["about"]["figures"]["all"]["level accuracy"] > 0
    assert split_groups(read_corpus(*data(copies)).table)[0].nunique() == 24


def test_train_has_no_figures_of_one_group(data, tmp_path):
    alike = [{"text": "the same words again", "level": level} for level in (1, 2, 3) * 3]
    card = train(data(alike), tmp_path / "model", n_jobs=1)
    assert card["about"]["figures"] == {}
    assert "None: the data hold no levels, or one group only" in (tmp_path / "model" / "card.md").read_text()


def test_train_leaves_copies_in_other_families_out_of_the_figures(data, tmp_path):
    leaking = [*rows(), *(row | {"family": "other"} for row in rows()[:3])]
    card = train(data(leaking), tmp_path / "model", n_jobs=1)
    assert "6 interactions have near-copies in other families, and are not in the figures." in card["about"]["notes"]
    assert card["about"]["figures"]["file"][0]["n"] == 21


def test_train_says_what_it_does_not_train_and_what_it_leaves_out(data, tmp_path):
    table = [
        *bare(interest=["none"], ring=["none", "support"]),
        {"text": "no label at all"},
        {"text": "it was poor", "level": 2, "weight": 0},
    ]
    notes = train(data(table), tmp_path / "model", n_jobs=1)["about"]["notes"]
    assert notes[0] == "Not trained: interest: the only label is none."
    assert notes[1].startswith("Not trained: primary, delivery, mindset, relationship, focus, cause")
    assert notes[2:] == ["Left out: 1 rows without a label.", "Left out: 1 rows of weight 0."]


def test_train_judges_by_what_people_labelled(data, tmp_path):
    voted = [
        {"text": f"{word} {own_words(level, i)}", "label_level": level, "label_primary": "failed", "label_weight": 0.5}
        for level, word in enumerate(WORDS, 1) for i in range(4)
    ]  # fmt: skip
    voted[0]["label_primary"] = "none"
    about = train(data(voted), tmp_path / "voted", n_jobs=1)["about"]
    assert (
        "All labels are votes of rules and models: the figures tell how well these were learnt, not whether they are right."
        in about["notes"]
    )
    people = [{"text": row["text"][::-1], "level": row["label_level"]} for row in voted]
    about = train(data([*voted, *people]), tmp_path / "both", n_jobs=1)["about"]
    assert "24 interactions have labels by votes alone, and are not in the figures." in about["notes"]
    assert about["figures"]["file"][0]["n"] == 24
    assert list(about["figures"]["labels"]) == ["level"]
    about = train(
        data([*voted, *({"text": row["text"], "level": row["label_level"]} for row in voted[:5])]), tmp_path / "corrected", n_jobs=1
    )["about"]
    assert about["notes"][0] == "Left out: 5 interactions labelled by votes, since people labelled them too."


def test_train_says_where_no_category_is_none(data, tmp_path):
    notes = train(data(rows(mindset=["failed", "delighted"])), tmp_path / "model", n_jobs=1)["about"]["notes"]
    assert "mindset: none is labelled none, so it will always be failed or delighted. Write none where it was neither." in notes


def test_train_refuses_what_teaches_nothing(data, tmp_path):
    with pytest.raises(DataError, match=r"^Labelled data: nothing to learn. Found 3 rows, no target with two labels. Add labels.$"):
        train(data([{"text": "fine", "level": 3}] * 3), tmp_path / "model", n_jobs=1)


def test_train_bears_rare_labels_and_names_them(data, tmp_path):
    rare = [{"text": "they stole from me", "level": 1}, *[row for row in bare(interest=["none"]) if row["level"] in (2, 3, 4)]]
    rare[1]["interest"] = "company"
    card = train(data(rare), tmp_path / "model", n_jobs=1, recall=0.95)
    assert card["about"]["rare"] == {"level": {"1": 1, "2": 4, "3": 4, "4": 4, "5": 0, "6": 0}, "interest": {"client": 0, "company": 1}}
    shown = (tmp_path / "model" / "card.md").read_text(encoding="utf-8")
    assert "Fewer than 5 examples, so hardly ever or never predicted, and judged by chance: level 1 (1), 2 (4)" in shown
    assert "A recall of 0.95 for criminal interactions was asked for, but there were too few to choose by." in shown


def test_train_chooses_the_threshold_for_a_recall(data, tmp_path):
    mixed = [
        {"text": f"{'late' if i % 3 else 'lost'} parcel number {word}", "level": 1 if i % 2 else 2} for i, word in enumerate(WORDS * 10)
    ]
    card = train(data(mixed), tmp_path / "model", n_jobs=1, recall=0.8)
    assert card["about"]["threshold"]["found"] >= 0.8
    assert card["parameters"]["criminal_recall"] == 0.8
    assert "Level 1 is decided so that 80% of criminal interactions are found" in (tmp_path / "model" / "card.md").read_text()
    assert load_model(tmp_path / "model").criminal_recall == 0.8


def test_train_adapts_a_model(data, tmp_path, model_folder):
    own = [
        {"text": f"it {word} {own_words(level, i % 4)} {'xyz'[i % 3] * 4}", "level": level}
        for i in range(12)
        for word, level in (("frizzed", 2), ("gleamed", 4))
    ]
    told = []
    card = train(data(own), tmp_path / "model", base=model_folder, n_jobs=1, progress=lambda *done: told.append(done))
    figures = card["about"]["figures"]
    assert figures["all"]["level accuracy"] > figures["before"]["level accuracy"]
    assert card["about"]["from"]["name"] == "small"
    assert told == [(1, 1)]
    assert "Adapted from small (" in (tmp_path / "model" / "card.md").read_text()
    assert load_model(tmp_path / "model").predict(["it frizzed", "it gleamed"]).tolist() == [2, 4]


def test_train_bears_rows_without_a_level(data, tmp_path):
    gaps = [row | {"level": None} if i % 6 == 5 else row for i, row in enumerate(rows(cause=["none", "process"]))]
    assert train(data(gaps), tmp_path / "model", n_jobs=1)["about"]["figures"]["all"]["level accuracy"] > 0


def test_train_learns_without_levels(data, tmp_path):
    without = [{name: cell for name, cell in row.items() if name != "level"} for row in rows(cause=["none", "process"])]
    card = train(data(without), tmp_path / "model", n_jobs=1)
    assert list(card["labels"]) == ["cause"]
    assert "Predicts, for a customer interaction in English, cause. Linear in its terms." in (tmp_path / "model" / "card.md").read_text()


def test_train_says_before_the_work_that_it_cannot_write(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="taken/mine: cannot be written. Found a file of that name: .*taken. Choose another name."):
        train([tmp_path / "not read.csv"], tmp_path / "taken" / "mine")
