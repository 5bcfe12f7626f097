import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from servicenlp import labelling
from servicenlp.classifier import ServiceClassifier
from servicenlp.cli import main
from servicenlp.corpus import read_corpus
from servicenlp.errors import DataError
from servicenlp.label_model import weigh_votes
from servicenlp.learning_curves import learning_curve, reviews_saved, when_to_stop
from servicenlp.rule_analysis import analyse_rules, render
from servicenlp.rulebook import SHIPPED, read_rules
from servicenlp.taxonomy import CATEGORY_NAMES
from servicenlp.voting import cast_votes

DATA = Path(__file__).parent.parent / "data"
HEAD = '[scope]\nnegators = ["not"]\nsuppositions = ["if"]\nbreaks = ["but"]\nexempt = ["not only"]\n'


def rule(text, **named):
    told = {"id": "one", "definition": "d", "source": "s", "level": [1], "phrases": [text]} | named
    return "[[rule]]\n" + "".join(name + " = " + json.dumps(value).replace('": ', '" = ') + "\n" for name, value in told.items())


@pytest.fixture(scope="session")
def book():
    return read_rules()


@pytest.fixture
def own(tmp_path):
    """Read a rule file of one's own."""

    def own(*rules, head=HEAD):
        (tmp_path / "own.toml").write_text(head + "\n".join(rules))
        return read_rules(tmp_path / "own.toml")

    return own


def ids(book, text):
    return [book.rules[k].id for k in cast_votes(book, [text]).found[0].nonzero()[0]]


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("did not work", "It didn't work.", True),
        ("did not work", "it didnt WORK", True),
        ("late|slow bus", "a slow bus", True),
        ("late|slow bus", "a quick bus", False),
        ("paid ... twice", "paid my whole bill twice", True),
        ("paid ... twice", "paid. Then it rang twice", False),
        ("paid * twice", "paid it twice", True),
        ("so? rude", "so rude", True),
        ("disappoint* staff", "disappointing staff", True),
        ("<bad> staff", "awful staff", True),
        ("rip-off|con", "what a rip-off", True),
        ("rude", "crude", False),
        ("rude", "not rude", False),
        ("rude", "not at all, but rude", True),
        ("rude", "not here. rude", True),
        ("rude", "not only rude", True),
        ("rude", "if rude", False),
    ],
)
def test_phrases_find_what_they_say(own, phrase, text, found):
    assert (ids(own(rule(phrase), head='[words]\nbad = ["awful"]\n' + HEAD), text) == ["one"]) is found


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, ["customer first", "customer last"]),
        ({"turn": "first"}, ["customer first"]),
        ({"turn": "last"}, ["customer last"]),
        ({"speaker": "agent"}, ["agent"]),
        ({"speaker": "anyone", "turn": "first"}, ["customer first", "agent"]),
        ({"form": "single"}, []),
    ],
)
def test_rules_look_where_they_are_told(own, where, found):
    book = own(rule("cold", **where))
    talk = "Customer: {}\nAgent: {}\nCustomer: {}"
    texts = {
        "customer first": talk.format("cold", "x", "y"),
        "agent": talk.format("x", "cold", "y"),
        "customer last": talk.format("x", "y", "cold"),
    }
    assert {name for name, text in texts.items() if ids(book, text)} == set(found)


def test_rules_negated_only_vote_where_it_is_denied(own):
    book = own(rule("rude", negated="only"))
    assert (ids(book, "not rude"), ids(book, "rude")) == (["one"], [])


def test_rules_heed_each_other(own):
    plain, needy, barred, alone = (
        rule("cold"),
        rule("soup", id="a", **{"with": ["one"]}),
        rule("soup", id="b", without=["one"]),
        rule("soup", id="c", alone=True),
    )
    book = own(plain, needy, barred, alone)
    assert ids(book, "cold soup") == ["one", "a"]
    assert ids(book, "soup") == ["b"]
    assert ids(own(plain, alone), "soup") == ["c"]


def test_rules_take_spacy_tokens(own):
    book = own(rule("x", phrases=[], tokens=[[{"LIKE_NUM": True}, {"LOWER": "stars"}]]))
    assert ids(book, "Two stars") == ["one"]


def test_votes_tell_where(own):
    text = "Agent: hi\nCustomer: 😀 so cold"
    place = cast_votes(own(rule("so cold")), [text]).places[0, 0]
    assert (text[place.start : place.end], place.turn) == ("so cold", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"own\.toml: no rules\. Found 'scope'\. Add tables named \[\[rule\]\]\."),
        (rule("x", level=[7]), r"rule 1 \(one\): no such level\. Found 7\. Levels are 1 to 6\."),
        (rule("x", failed=["price"]), r"no such category\. Found 'price'\."),
        (rule("x", level=[]), r"votes for nothing"),
        (rule("x", phrases=[]), r"looks for nothing"),
        (rule("..."), r"an empty phrase\. Found '\.\.\.'\."),
        (rule("<good>"), r"no such list of words\. Found '<good>'\."),
        (rule("x", turn="middle"), r"turn is not one of its values\. Found 'middle'\. Use any, first, last\."),
        (rule("x", colour="red"), r"an unknown field\. Found 'colour'\."),
        (rule("x", level=1), r"level is not a list\. Found 1\. Put it in brackets\."),
        (rule("x", source=3), r"has no source\."),
        (rule("x") + rule("y"), r"rules of the same id\. Found 'one' more than once\."),
        (rule("x", without=["gone"]), r"names another rule that is not there\. Found 'gone'\."),
        (rule("x", tokens=[[{"SHAPED": 1}]]), r"rule one: not a pattern for spaCy\. Found \[\{'SHAPED': 1\}\]\."),
        ("[[rule", r"cannot be read as rules\."),
    ],
)
def test_rule_files_with_a_fault_are_an_error(own, content, message):
    with pytest.raises(DataError, match=message):
        own(content)


def test_rule_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"none\.toml: no such rule file\."):
        read_rules(tmp_path / "none.toml")


def test_shipped_rules_cover_every_label(book):
    assert len(book.rules) >= 80
    votes = [(target, label) for rule in book.rules for target, labels in rule.votes.items() for label in labels]
    assert {label for target, label in votes if target == "level"} == {1, 2, 3, 4, 5, 6}
    assert {(c, o) for c in CATEGORY_NAMES for o in ("failed", "delighted")} <= set(votes)


def test_shipped_rules_agree_with_labels(book, interactions):
    table = labelling.label_frame(interactions[["text"]], book=book)
    told = table["label_level"].notna()
    assert told.mean() > 0.4
    assert (abs(table["label_level"] - interactions["level"])[told] <= 1).mean() > 0.75


def test_weigh_votes_learns_which_rule_to_believe():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 3000)
    right = [0.95, 0.9, 0.9, 0.5]  # the last one guesses
    says = np.array([np.where(rng.random(3000) < p, true, 1 - true) for p in right]).T
    found = np.hstack([says == 0, says == 1])
    supports = np.repeat(np.eye(2, dtype=bool), 4, axis=0)
    weighed = weigh_votes(found, supports)
    majority = np.where(found @ supports.astype(int) @ [-1, 1] > 0, 1, 0)
    assert np.mean(weighed.proba.argmax(axis=1) == true) > np.mean(majority == true)
    assert weighed.belief[0, 0] > 0.8
    assert 0.4 < weighed.belief[3, 0] < 0.65
    np.testing.assert_allclose(weighed.proba.sum(axis=1), 1)


def test_weigh_votes_without_votes_says_what_the_model_says():
    proba = np.array([[0.7, 0.3], [0.2, 0.8]])
    np.testing.assert_allclose(weigh_votes(np.zeros((2, 1)), [[True, False]], proba).proba, proba, atol=0.01)


def test_label_frame_takes_the_model_as_a_voter(book, model):
    table = pd.DataFrame({"text": ["They charged me twice!", "The sky over the shop.", "", None, "42"]})
    told = labelling.label_frame(table, book=book, model=model)
    assert told["label_status"].tolist() == [
        "labelled", "labelled: by the model alone", "skipped: no text", "skipped: no text", "skipped: no words",
    ]  # fmt: skip
    assert told["label_level"].notna().tolist() == [True, True, False, False, False]
    shares = told[[f"label_p_level_{k}" for k in range(1, 7)]][:2].astype(float)
    assert shares.sum(axis=1).tolist() == pytest.approx([1, 1], abs=0.001)
    assert told["label_evidence"][0] == "charged me twice"
    assert told["label_model"][0].startswith("rules-1.0+")


def test_label_frame_needs_its_columns(book):
    with pytest.raises(DataError, match=r"^DataFrame: no column 'body'\. Found 'text'\."):
        labelling.label_frame(pd.DataFrame({"text": ["x"]}), "body", book=book)
    with pytest.raises(DataError, match=r"^DataFrame: already has columns of ours\. Found 'label_level'\."):
        labelling.label_frame(pd.DataFrame({"text": ["x"], "label_level": [1]}), book=book)


def test_analysis_counts_overlap_conflict_and_errors(book):
    texts = ["Rude staff.", "Staff were rude but the room was lovely.", "Blue."]
    ballots = labelling.collect_votes(book, None, texts)
    analysis = analyse_rules(book, ballots, texts, pd.DataFrame({"level": [2, 4, None]}))
    row = analysis.table.set_index("rule").loc["staff-unkind"]
    assert (row["votes"], row["conflict"], row["judged"], row["accuracy"]) == (2, 0.5, 2, 0.5)
    assert all(len(line) <= 80 for line in render(analysis).splitlines())


@pytest.fixture
def run(tmp_path, monkeypatch, model_folder):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, ["label", *map(str, arguments), "-m", str(model_folder)])
        assert result.exit_code == code, result.output
        return result

    return run


def test_label_keeps_every_row_and_train_can_learn_from_it(run, tmp_path):
    rows = [("1", "They charged me twice!"), ("2", ""), ("3", "The sky."), ("4", "Friendly staff.")]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *rows])
    result = run("in.csv", "-o", "out.csv", "--rules-only")
    assert "4 rows" in result.stdout
    with (tmp_path / "out.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    assert [(row["id"], row["text"]) for row in told] == rows
    assert [row["label_status"] for row in told] == ["labelled", "skipped: no text", "unlabelled: no rule votes", "labelled"]
    table = read_corpus(tmp_path / "out.csv").table.dropna(subset="level")
    assert table["level"].tolist() == [1, 4]
    assert table["weight"].tolist() == [float(told[0]["label_weight"]), float(told[3]["label_weight"])]
    run("in.csv", "-o", "some.jsonl", "--rules-only", "--only", "labelled")
    assert len((tmp_path / "some.jsonl").read_text().splitlines()) == 2
    assert "is there already" in run("in.csv", "-o", "some.jsonl", code=1).stderr


def test_label_reads_conversations_of_an_export(run, tmp_path):
    messages = [("7", "customer", "You charged me twice!"), ("7", "agent", "Sorry about that."), ("8", "customer", "How do I log in?")]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("conversation_id", "author", "message"), *messages])
    run("in.csv", "-o", "out.jsonl")
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(told) == 3
    assert "charged-twice" in told[0]["label_rules"]
    assert told[1]["label_status"].startswith("skipped: part of the interaction")


def test_label_analyses_rules_against_labels_in_the_file(run, tmp_path):
    (tmp_path / "in.csv").write_text("text,level\nThey charged me twice!,1\nThey charged me twice.,4\n")
    result = run("in.csv", "--analyse", "--rules-only", "-o", "errors.csv")
    assert result.stdout.splitlines()[1].split()[-1] == "0.50"
    with (tmp_path / "errors.csv").open(newline="") as file:
        errors = list(csv.DictReader(file))
    assert ("charged-twice", "1", "4") in {(e["rule"], e["row"], e["label"]) for e in errors}


def test_label_shows_where_the_rules_are(run):
    assert run("--show-rules").stdout.strip() == str(SHIPPED)


def test_learning_curve_gains_by_review(book, learned):
    table = learned.sample(frac=1, random_state=0)
    half = len(table) // 2
    curve = learning_curve(table[:half], table[half:], book=book, step=100, rounds=1)
    for _, part in curve.groupby("order"):
        assert part["kappa"].iloc[-1] > part["kappa"].iloc[0]
    assert reviews_saved(curve)["reviewed"].tolist() == [0, 100]
    assert when_to_stop(curve[curve["order"] == "random"]) is None


def test_learning_curve_adapts_the_model_that_votes(book):
    table = pd.read_json(DATA / "plain.jsonl", lines=True).sample(900, random_state=0)
    voter = ServiceClassifier(folds=2, max_iter=40).fit(table["text"][:500], table[["level"]][:500])
    pool, test = table[500:700], table[700:]
    anew, adapted = (learning_curve(pool, test, book=book, rounds=0, orders=["random"], voter=model)["kappa"][0] for model in (None, voter))
    assert adapted > anew + 0.2


def test_learning_curve_checks_what_it_gets(book):
    table = pd.DataFrame({"text": ["x"], "level": [3]})
    with pytest.raises(DataError, match=r"^pool: no column 'level'\. Found 'text'\."):
        learning_curve(table[["text"]], table, book=book)
    with pytest.raises(DataError, match=r"^orders: no such order\. Found 'best'\."):
        learning_curve(table, table, book=book, orders=["best"])
    with pytest.raises(DataError, match=r"^pool: too little to begin with\."):
        learning_curve(table, table, book=book)
