import json
import re
from copy import copy

import numpy as np
import pytest

from servicenlp.errors import DataError
from servicenlp.explanation import describe, explain, render
from servicenlp.taxonomy import TARGETS, values

CHAT = "Customer: I waited four hours, he never came.\nAgent: You are wonderful, thank you, amazing!\nCustomer: This is a disgrace."
TEXTS = [
    "Waited four hours for the engineer and he never came.",
    CHAT,
    "😀😀 Marta was lovely 😀 and sorted it in two minutes, thank you!",
    "not good. not bad. don\u2019t go there :(",
    "zxqv",
    "late " * 300,
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("text", TEXTS)
def test_explain_sums_to_the_centred_score(model, text, target):
    label, bias, contributions = explain(model, text, target)
    scores = model.decision_function([text], target)[0]
    assert bias + sum(c.value for c in contributions) == pytest.approx(scores[values(target).index(label)] - scores.mean(), abs=1e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_explain_names_the_words_at_its_offsets(model, text):
    _, _, contributions = explain(model, text)
    for term, start, end, _ in contributions:
        spoken = re.sub(r"^(agent:|last:)?(not:)?", "", term)
        assert re.sub(r"\W+", " ", text[start:end].lower()).startswith(re.sub(r"\W+", " ", spoken)[:3]) or "0" in spoken


def test_explain_puts_the_largest_first(model):
    sizes = [abs(c.value) for c in explain(model, TEXTS[0])[2]]
    assert sizes == sorted(sizes, reverse=True)


def test_explain_of_level_is_the_prediction(model, interactions):
    texts = interactions["text"][::5].tolist()
    assert [explain(model, text)[0] for text in texts] == model.predict(texts).tolist()


@pytest.mark.parametrize("target", ["level", "primary"])
def test_explain_explains_what_is_decided(model, target):
    eager = copy(model)
    eager.offsets_ = model.offsets_ | {target: np.eye(len(values(target)))[1] * 20}
    described = describe(eager, TEXTS[2], target)
    assert described["predicted"][target] == values(target)[1]
    assert described["explained"]["label"] == explain(eager, TEXTS[2], target)[0] == values(target)[1]


def test_explain_of_unknown_words_is_the_bias_alone(model):
    _, bias, contributions = explain(model, "zxqv")
    assert contributions == []
    assert bias > 0


def test_explain_of_an_empty_text_is_the_bias_alone(model):
    assert explain(model, "")[2] == []


def test_explain_refuses_an_unknown_target(model):
    with pytest.raises(DataError, match="no such target. Found 'mood'"):
        explain(model, "The food was cold.", "mood")


def test_describe_is_ready_for_json(model):
    described = describe(model, CHAT, "mindset")
    assert json.loads(json.dumps(described)) == described
    assert set(described["predicted"]) == set(TARGETS)
    assert sum(described["level_probabilities"]) == pytest.approx(1, abs=0.001)
    assert described["explained"]["target"] == "mindset"
    assert described["evidence"] in CHAT


@pytest.mark.parametrize("target", TARGETS)
def test_describe_explains_what_it_predicts(model, interactions, target):
    described = [describe(model, text, target) for text in interactions["text"][::6]]
    assert [d["explained"]["label"] for d in described] == [d["predicted"][target] for d in described]


@pytest.mark.parametrize("text", ["", "   ", "12345", "!!!"])
def test_describe_refuses_a_text_without_words(model, text):
    with pytest.raises(DataError, match=r"^Text: nothing to explain. Found .*. Give a text with words in it.$"):
        describe(model, text)


def test_describe_refuses_an_unknown_target(model):
    with pytest.raises(DataError, match=r"^--target: no such target. Found 'mood'. Choose from level, primary, "):
        describe(model, "The food was cold.", "mood")


def test_describe_bears_a_text_of_which_nobody_is_heard(model):
    assert describe(model, "Bot: how did we do?")["evidence"] == ""


def test_render_fits_a_terminal(model):
    lines = render(describe(model, TEXTS[0])).splitlines()
    assert lines[0].startswith("Level ")
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith("what no word has")
    assert any("other terms" in line for line in lines)
