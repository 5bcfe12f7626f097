import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from servicenlp import calibration
from servicenlp.cli import main
from servicenlp.errors import ModelError
from servicenlp.persistence import default_model, load_model, shipped_model
from servicenlp.scoring import COLUMNS, score_frame, score_texts
from servicenlp.taxonomy import CATEGORY_NAMES, TARGETS, values
from servicenlp.transformer import FILES, HEAD, READ, TAIL, UNSURE, Transformer, load_transformer, n_outputs, tokenise

SHIPPED = shipped_model("careful")
MISSING = r"^Careful reading: needs onnxruntime and tokenizers. Found no 'onnxruntime'. Install them: pip install 'servicenlp\[careful\]'.$"


@pytest.fixture(scope="session")
def careful() -> Transformer:
    """The shipped transformer."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    return load_transformer()


@pytest.fixture(scope="session")
def linear():
    """The shipped linear model."""
    return load_model()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A transformer's folder to be spoilt."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    return Path(shutil.copytree(SHIPPED, tmp_path / "mine"))


class Words:
    """A tokenizer whose tokens are the words, numbered by their length; and its one encoding."""

    def __init__(self, ids=()):
        self.ids = list(ids)

    def encode_batch(self, texts, add_special_tokens):
        assert not add_special_tokens
        return [Words(map(len, text.split())) for text in texts]


class Constant:
    """A session that answers the same for every text and counts them."""

    def __init__(self):
        self.read = 0

    def run(self, _outputs, inputs):
        self.read += len(inputs["tokens"])
        return [np.arange(n_outputs(), dtype=np.float32)[None]]


@pytest.fixture
def constant() -> Transformer:
    offsets = {target: [1.0] * len(values(target)) for target in READ[1:]}
    card = {"name": "same", "id": "0", "temperatures": dict.fromkeys(READ, 2.0), "parameters": {"offsets": offsets}}
    return Transformer(Constant(), Words(), card, workers=1)


def edit_card(folder: Path, **changes) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps(card | changes), encoding="utf-8")


def first_reader(*largest: float) -> tuple[dict, dict]:
    """Probabilities with the given largest one of the level, and offsets of 0."""
    proba = {target: np.full((len(largest), len(labels)), 1 / len(labels)) for target, labels in TARGETS.items()}
    proba["level"] = np.array([[p] + [(1 - p) / 5] * 5 for p in largest]).reshape(-1, 6)
    return proba, {target: np.zeros(len(labels)) for target, labels in TARGETS.items()}


def test_tokenise_encloses_the_tokens():
    assert tokenise(Words(), ["a bb ccc", ""]) == [[101, 1, 2, 3, 102], [101, 102]]


def test_tokenise_keeps_head_and_tail_of_a_long_text():
    words = ["a" * (1 + i % 9) for i in range(500)]
    ids = [len(word) for word in words]
    assert tokenise(Words(), [" ".join(words)]) == [[101, *ids[:HEAD], *ids[-TAIL:], 102]]


def test_tokenise_of_a_very_long_text_splits_only_its_ends():
    assert tokenise(Words(), ["first " + "middle " * 10**6 + "end"])[0][1 : -1 : HEAD + TAIL - 1] == [5, 3]


def test_reread_averages_where_the_first_reader_is_unsure(constant):
    proba, offsets = first_reader(UNSURE - 0.01, UNSURE, 0.99, 0.2)
    averaged, spread = constant.reread(["a", "b", "c", "d"], proba, offsets)
    second = constant.predict_proba(["x"])
    for target in READ:
        assert averaged[target][[1, 2]] == pytest.approx(proba[target][[1, 2]], abs=0)
        assert averaged[target][[0, 3]] == pytest.approx((proba[target][[0, 3]] + second[target]) / 2)
        assert spread[target][:, 0].tolist() == ([0, 0, 0, 0] if target == "level" else [0.5, 0, 0, 0.5])
    assert constant._session.read == 2 + 1


def test_reread_leaves_what_it_was_given_alone(constant):
    proba, offsets = first_reader(0.3)
    before = {target: own.copy() for target, own in proba.items()}
    constant.reread(["a"], proba, offsets)
    assert all((proba[target] == before[target]).all() and not offsets[target].any() for target in TARGETS)


def test_reread_passes_over_what_it_does_not_read(constant):
    proba, offsets = first_reader(0.3)
    averaged, _ = constant.reread(["a"], proba, offsets)
    assert averaged.keys() == TARGETS.keys()
    assert all((averaged[target] == proba[target]).all() for target in TARGETS.keys() - set(READ))


@pytest.mark.parametrize("texts", [[], ["a"]])
def test_reread_reads_nothing_where_the_first_reader_is_sure(constant, texts):
    proba, offsets = first_reader(*[0.9] * len(texts))
    assert (constant.reread(texts, proba, offsets)[0]["level"] == proba["level"]).all()
    assert constant._session.read == 0


def test_predict_proba_gives_probabilities_of_each_target(careful, interactions):
    proba = careful.predict_proba(interactions["text"].tolist())
    assert tuple(proba) == READ
    for target, own in proba.items():
        assert own.shape == (len(interactions), len(values(target)))
        assert own.sum(axis=1) == pytest.approx(1)
        assert (own >= 0).all()


def test_predict_proba_of_nothing_is_empty(careful):
    assert careful.predict_proba([])["level"].shape == (0, 6)


def test_decision_function_is_the_same_whatever_the_batch(careful, interactions):
    texts = interactions["text"].tolist()[:24]
    together = careful.decision_function(texts)
    assert (careful.decision_function(texts[::-1])[::-1] == together).all()
    assert (np.vstack([careful.decision_function([text]) for text in texts]) == together).all()


@pytest.mark.parametrize("workers", [1, 3])
def test_decision_function_is_the_same_each_time_and_for_any_workers(careful, interactions, workers):
    texts = interactions["text"].tolist()[:24]
    assert (load_transformer(workers=workers).decision_function(texts) == careful.decision_function(texts)).all()


@pytest.mark.parametrize("text", ["", " ", "é" * 5000, "ok " * 100_000, "日本語", "\ud800 x", "\x00", "[CLS] [SEP] [MASK]", "🙂"])
def test_decision_function_reads_any_text(careful, text):
    assert np.isfinite(careful.decision_function([text])).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You charged me twice, lied about it and nobody answers. Criminals.", [1]),
        ("It arrived on time, as ordered.", [3, 4]),
        ("Quick, friendly, just how I like it.", [4]),
    ],
)
def test_predict_proba_knows_plain_cases(careful, text, expected):
    assert careful.predict_proba([text])["level"].argmax() + 1 in expected


def test_score_texts_reads_again_only_what_the_model_is_unsure_of(linear, careful, interactions):
    texts = interactions["text"].tolist()
    alone, both = score_texts(linear, texts), score_texts(linear, texts, careful=careful)
    sure = linear.predict_proba(texts).max(axis=1) >= UNSURE
    assert 0 < sure.sum() < len(texts)
    for name in set(COLUMNS) - {"model"}:
        assert [a for a, s in zip(alone[name], sure, strict=True) if s] == [b for b, s in zip(both[name], sure, strict=True) if s]
    changed = [a != b for a, b in zip(alone["p_level_3"], both["p_level_3"], strict=True)]
    assert np.mean(np.array(changed)[~sure]) > 0.9


def test_score_texts_averages_both_readers_and_decides_as_the_model(linear, careful, interactions):
    texts = interactions["text"].tolist()
    first, second = linear.predict_proba(texts), careful.predict_proba(texts)["level"]
    mean = np.where((first.max(axis=1) < UNSURE)[:, None], (first + second) / 2, first)
    scored = score_texts(linear, texts, careful=careful)
    assert np.array([scored[f"p_level_{k}"] for k in range(1, 7)]).T == pytest.approx(mean, abs=6e-5)
    assert scored["level"] == (calibration.decide(mean, linear.offsets_["level"]) + 1).tolist()


def test_score_texts_names_both_models(linear, careful):
    name = score_texts(linear, ["Fine."], careful=careful)["model"][0]
    assert name == f"default-{linear.card_['id']}+careful-{careful.card_['id']}"


def test_score_texts_works_beside_a_model_of_few_targets(learned, careful):
    from servicenlp.classifier import ServiceClassifier

    model = ServiceClassifier(folds=2, max_iter=5).fit(learned["text"], learned[["level", "primary"]])
    scored = score_texts(model, ["The food was cold.", ""], careful=careful)
    assert scored["status"] == ["scored", "skipped: no text"]
    assert scored["focus"] == [None, None]


def test_score_frame_gives_the_same_columns(linear, careful):
    table = pd.DataFrame({"text": ["Waited an hour, nobody came.", "Fine."]})
    scored = score_frame(table, model=linear, careful=careful)
    assert list(scored.columns) == list(score_frame(table, model=linear).columns)
    assert scored.equals(pd.concat([score_frame(table[i : i + 1], model=linear, careful=careful) for i in range(2)]))


def test_score_careful_writes_what_score_frame_gives(linear, careful, interactions, tmp_path):
    interactions[["text"]].to_json(tmp_path / "in.jsonl", orient="records", lines=True)
    outputs = []
    for workers in ("1", "2"):
        output = tmp_path / f"out{workers}.jsonl"
        arguments = ["score", str(tmp_path / "in.jsonl"), "--careful", "-o", str(output), "--workers", workers, "--quiet"]
        assert CliRunner().invoke(main, arguments).exit_code == 0
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1]
    written = pd.read_json(tmp_path / "out1.jsonl", lines=True)
    assert written["service_level"].tolist() == score_frame(interactions[["text"]], careful=careful)["service_level"].tolist()


def test_score_careful_model_takes_a_folder(folder, tmp_path):
    edit_card(folder, name="mine")
    (tmp_path / "in.csv").write_text("text\nThe room was fine\n")
    result = CliRunner().invoke(main, ["score", str(tmp_path / "in.csv"), "--careful-model", str(folder), "--quiet"])
    assert result.exit_code == 0
    assert "+mine-" in result.stdout


def test_load_transformer_says_how_to_install_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=MISSING):
        load_transformer()


def test_score_careful_says_how_to_install_the_extra_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "in.csv").write_text("text\nThe room was fine\n")
    result = CliRunner().invoke(main, ["score", str(tmp_path / "in.csv"), "--careful"])
    assert result.exit_code == 1
    assert re.match(MISSING.replace("^", "^Error: "), result.stderr.strip())


def test_score_without_careful_loads_nothing_heavy():
    code = (
        "import sys, servicenlp.transformer, servicenlp.transformer_training\n"
        "from servicenlp.scoring import score_texts; from servicenlp.persistence import load_model\n"
        "score_texts(load_model(), ['Fine.'])\n"
        "print(sorted({'torch', 'transformers', 'onnx', 'onnxruntime', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
def test_load_transformer_notices_a_flipped_byte(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    content[int(where * len(content))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"mine: {name} is damaged. Found other bytes .*servicenlp train DATA -o .*mine --transformer\.$"):
        load_transformer(folder)


@pytest.mark.parametrize("name", FILES)
def test_load_transformer_notices_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"mine: {name} is damaged"):
        load_transformer(folder)


@pytest.mark.parametrize("change", [{"temperatures": dict.fromkeys(READ, 9.0)}, {"parameters": {"offsets": {}}}, {"id": "0"}])
def test_load_transformer_notices_a_changed_card(folder, change):
    edit_card(folder, **change)
    with pytest.raises(ModelError, match=r"mine: card.json is damaged. Found another id than its content gives."):
        load_transformer(folder)


def test_load_transformer_refuses_files_that_its_card_does_not_name(folder):
    edit_card(folder, files={})
    with pytest.raises(ModelError, match=r"mine: not a transformer. Found another kind of model."):
        load_transformer(folder)


@pytest.mark.parametrize("name", FILES)
def test_load_transformer_says_what_cannot_be_read(folder, name):
    from servicenlp.persistence import write_card

    (folder / name).write_bytes(b"nothing")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    write_card(folder, card)
    with pytest.raises(ModelError, match=r"(?s)mine: cannot be read. Found: .*train it again with --transformer\.$"):
        load_transformer(folder)


def test_load_transformer_refuses_a_linear_model():
    pytest.importorskip("onnxruntime")
    with pytest.raises(ModelError, match=r"default: not a transformer. Found another kind of model. Name it with --model"):
        load_transformer(default_model())


def test_load_transformer_says_where_there_is_no_folder(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ModelError, match=r"none: not a model folder. Found no card.json."):
        load_transformer(tmp_path / "none")


def test_load_model_refuses_a_transformer():
    with pytest.raises(
        ModelError, match=r"careful: not a linear model. Found a transformer. Use it beside one: --careful-model .*careful\.$"
    ):
        load_model(SHIPPED)


def test_shipped_folder_is_small_and_holds_no_pickle():
    assert sorted(path.name for path in SHIPPED.iterdir()) == ["card.json", "card.md", "model.onnx", "tokenizer.json"]
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 25_000_000


def test_shipped_card_names_labels_licence_and_origin():
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
    assert card["labels"] == {target: values(target) for target in ("level", *CATEGORY_NAMES, "focus")}
    assert card["about"]["pretrained"]["licence"] == "Apache-2.0"
    assert "Apache-2.0" in (SHIPPED / "card.md").read_text(encoding="utf-8")


def test_a_shipped_transformer_reads_as_before(careful):
    texts = ["Nobody called me back.", "Quick and friendly!"]
    shipped = pickle.loads(pickle.dumps(careful))
    assert shipped.name == careful.name
    np.testing.assert_array_equal(shipped.decision_function(texts), careful.decision_function(texts))
