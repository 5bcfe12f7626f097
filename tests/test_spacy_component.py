import pickle

import pytest
import spacy

from servicenlp import scoring
from servicenlp.errors import ModelError
from servicenlp.persistence import load_model

TEXTS = [
    "You charged me twice and nobody answers.",
    "Friendly staff, quick, just how we like it. 😀 Will be back!",
    "",
    "Customer: Hi, my parcel never came.\nAgent: Sorry, I have sent a new one.\nCustomer: Great, thanks.",
]


@pytest.fixture(scope="module")
def nlp(model_folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("servicenlp", config={"model": str(model_folder)})
    return nlp


def told(docs):
    return [(doc._.service, doc.cats, [(s.start, s.end, s.label_) for s in doc.spans["service_evidence"]]) for doc in docs]


def test_component_says_what_scoring_says(nlp, model_folder):
    columns = scoring.score_texts(load_model(model_folder), TEXTS)
    services = [doc._.service for doc in nlp.pipe(TEXTS)]
    for name in ("level", "level_name", "focus", "cause", "status", "expected_level"):
        assert [service[name] for service in services] == columns[name]
    for i in (0, 1, 3):
        assert services[i]["evidence"]["text"] == columns["evidence"][i]
        assert services[i]["categories"]["primary"]["outcome"] == columns["primary"][i]


def test_component_sets_cats_and_a_span_that_displacy_shows(nlp):
    doc = nlp(TEXTS[1])
    names = [level.name for level in scoring.LEVELS]
    assert sum(doc.cats[name] for name in names) == pytest.approx(1, abs=0.001)
    assert doc.cats["mindset delighted"] == doc._.service["categories"]["mindset"]["probabilities"]["delighted"]
    span = doc.spans["service_evidence"][0]
    assert doc._.service["evidence"]["text"] in span.text
    html = spacy.displacy.render(doc, style="span", options={"spans_key": "service_evidence"}, jupyter=False)
    assert span.label_ in html


def test_component_says_why_a_text_is_not_judged(nlp):
    doc = nlp("")
    assert (doc._.service["level"], doc._.service["status"], doc.cats) == (None, "skipped: no text", {})
    assert len(doc.spans["service_evidence"]) == 0


def test_component_gives_the_same_in_batches_and_processes(nlp):
    alone = told(map(nlp, TEXTS))
    assert told(nlp.pipe(TEXTS, batch_size=2)) == alone
    assert told(nlp.pipe(TEXTS, n_process=2)) == alone


def test_component_keeps_threshold_and_model_on_disk_in_bytes_and_pickled(nlp, model_folder, tmp_path):
    strict = spacy.blank("en")
    strict.add_pipe("servicenlp", config={"model": str(model_folder), "threshold": 0.99})
    strict.to_disk(tmp_path / "pipeline")
    again = spacy.blank("en")
    again.add_pipe("servicenlp")
    again.from_bytes(strict.to_bytes())
    for other in (spacy.load(tmp_path / "pipeline"), again, pickle.loads(pickle.dumps(strict))):
        assert told(map(other, TEXTS)) == told(map(strict, TEXTS))


def test_component_takes_a_threshold(model_folder):
    for threshold, outcome in ((0.0, {"failed", "delighted"}), (1.1, {"none"})):
        nlp = spacy.blank("en")
        nlp.add_pipe("servicenlp", config={"model": str(model_folder), "threshold": threshold})
        assert {one["outcome"] for one in nlp(TEXTS[0])._.service["categories"].values()} <= outcome


def test_component_refuses_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"not a model folder\. Found no card\.json\."):
        spacy.blank("en").add_pipe("servicenlp", config={"model": str(tmp_path)})
