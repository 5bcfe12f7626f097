import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from servicenlp import persistence
from servicenlp.errors import ModelError
from servicenlp.explanation import explain
from servicenlp.persistence import FORMAT, default_model, list_models, load_model, save_model, shipped_model
from servicenlp.scoring import score_texts
from servicenlp.taxonomy import TARGETS


@pytest.fixture
def folder(model, tmp_path) -> Path:
    """A model folder to be spoilt."""
    save_model(model, tmp_path / "mine", {"data": []})
    return tmp_path / "mine"


def edit_card(folder: Path, **changes) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def replace_weights(folder: Path, content: bytes) -> None:
    """Replace weights.npz and enter the hash of the new one in the card, and the new id."""
    (folder / "weights.npz").write_bytes(content)
    card = json.loads((folder / "card.json").read_text())
    card["files"]["weights.npz"] = hashlib.sha256(content).hexdigest()
    edit_card(folder, files=card["files"], id=persistence._identity(card))


def test_load_model_predicts_as_what_was_saved(model, model_folder, interactions):
    loaded = load_model(model_folder)
    for target in TARGETS:
        expected = model.predict_proba(interactions["text"], target)
        assert loaded.predict_proba(interactions["text"], target) == pytest.approx(expected, abs=0.005)


def test_load_model_keeps_what_else_was_learnt(model, model_folder):
    loaded = load_model(model_folder)
    assert loaded.get_params() == model.get_params()
    assert (loaded.terms_, loaded.outputs_) == (model.terms_, model.outputs_)
    assert loaded.classes_.tolist() == [1, 2, 3, 4, 5, 6]
    assert {t: o.tolist() for t, o in loaded.offsets_.items()} == {t: o.tolist() for t, o in model.offsets_.items()}


def test_load_model_can_explain_and_score(model_folder):
    loaded = load_model(model_folder)
    assert explain(loaded, "The food was cold.")[2]
    assert score_texts(loaded, ["The food was cold."])["model"] == [f"small-{loaded.card_['id']}"]


def test_load_model_takes_a_name_or_a_path(model_folder):
    assert load_model(str(model_folder)).card_ == load_model(model_folder).card_


def test_load_model_takes_the_shipped_one_by_default():
    assert load_model().card_["name"] == "default"
    assert (default_model() / "card.json").is_file()


def test_load_model_sees_that_a_folder_was_written_again(model, folder):
    before = load_model(folder).card_
    save_model(model, folder, {"data": ["other"]})
    assert load_model(folder).card_["about"] != before["about"]


def test_save_model_returns_the_card_it_wrote(model, tmp_path):
    card = save_model(model, tmp_path / "deep" / "mine", {"data": ["é"]})
    assert card == json.loads((tmp_path / "deep" / "mine" / "card.json").read_text(encoding="utf-8"))
    assert card["about"] == {"data": ["é"]}
    assert "n_jobs" not in card["parameters"]


def test_save_model_twice_gives_the_same_bytes(model, tmp_path):
    save_model(model, tmp_path / "a" / "mine")
    save_model(model, tmp_path / "b" / "mine")
    names = ["card.json", "terms.txt", "weights.npz"]
    assert sorted(path.name for path in (tmp_path / "a" / "mine").iterdir()) == names
    assert [(tmp_path / "a" / "mine" / n).read_bytes() for n in names] == [(tmp_path / "b" / "mine" / n).read_bytes() for n in names]


@pytest.mark.parametrize("name", ["weights.npz", "terms.txt"])
@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
def test_load_model_notices_a_flipped_byte(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    content[int(where * len(content))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(
        ModelError, match=rf"mine: {name} is damaged. Found other bytes than its card.json names. Restore the folder, or: Train it"
    ):
        load_model(folder)


@pytest.mark.parametrize("name", ["weights.npz", "terms.txt"])
def test_load_model_notices_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is damaged"):
        load_model(folder)


def test_load_model_notices_a_flipped_byte_in_the_card(folder):
    content = (folder / "card.json").read_bytes()
    (folder / "card.json").write_bytes(content.replace(b'"id": "', b'"id": "0', 1))
    with pytest.raises(ModelError, match=r"mine: "):
        load_model(folder)


@pytest.mark.parametrize("found", [0, 2, "1", None])
def test_load_model_refuses_another_format_with_the_way_out(folder, found):
    edit_card(folder, format=found)
    with pytest.raises(
        ModelError,
        match=rf"mine: a model of another format. Found format {found!r}, this version reads {FORMAT}. "
        r"Train it again: servicenlp train DATA -o .*mine\.$",
    ):
        load_model(folder)


def test_load_model_says_where_there_is_no_folder(tmp_path):
    with pytest.raises(ModelError, match=r"none: not a model folder. Found no card.json. Name a folder that `servicenlp train` wrote."):
        load_model(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"format": 1}'])
def test_load_model_refuses_a_broken_card(folder, content):
    (folder / "card.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"mine: "):
        load_model(folder)


def test_load_model_says_what_is_wrong_with_a_card_that_is_no_json(folder):
    (folder / "card.json").write_text("{")
    with pytest.raises(ModelError, match=r"mine: card.json cannot be read. Found: .*Train it again"):
        load_model(folder)


@pytest.mark.parametrize("labels", [{"level": [1, 2, 3]}, {"mood": ["good"]}])
def test_load_model_refuses_other_labels(folder, labels):
    edit_card(folder, labels=labels)
    with pytest.raises(ModelError, match=rf"mine: other labels for {next(iter(labels))}. Found .*Train it again"):
        load_model(folder)


class Bomb:
    """Unpickling one makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def object_arrays(folder: Path, bomb: Bomb, spoilt: str) -> bytes:
    with np.load(folder / "weights.npz") as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content[spoilt] = np.array([bomb], object)
    with io.BytesIO() as file:
        np.savez(file, **content)
        return file.getvalue()


@pytest.mark.parametrize("spoilt", ["keys", "coef", "intercept", "offsets_level"])
def test_load_model_runs_no_code_of_object_arrays(folder, tmp_path, spoilt):
    replace_weights(folder, object_arrays(folder, Bomb(tmp_path / "ran"), spoilt))
    with pytest.raises(ModelError, match=r"mine: weights.npz cannot be read. Found: .*allow_pickle.*Train it again"):
        load_model(folder)


@pytest.mark.parametrize("spoilt", ["keys", "coef", "intercept", "offsets_level"])
def test_bomb_is_real_and_loading_leaves_it_alone(folder, tmp_path, spoilt):
    content = object_arrays(folder, Bomb(tmp_path / "ran"), spoilt)
    replace_weights(folder, content)
    with pytest.raises(ModelError):
        load_model(folder)
    assert not (tmp_path / "ran").exists()
    with np.load(io.BytesIO(content), allow_pickle=True) as arrays:
        _ = arrays[spoilt]
    assert (tmp_path / "ran").is_dir()


def test_load_model_runs_no_code_of_a_pickle_in_place_of_arrays(folder, tmp_path):
    replace_weights(folder, pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(ModelError, match=r"weights.npz cannot be read"):
        load_model(folder)
    assert not (tmp_path / "ran").exists()


def zipped(name: str) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, b"not an array")
        return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x93NUMPY", b"hello", zipped("keys.npy"), zipped("other.npy")])
def test_load_model_refuses_weights_that_are_none(folder, content):
    replace_weights(folder, content)
    with pytest.raises(ModelError, match=r"weights.npz cannot be read"):
        load_model(folder)


def test_load_model_refuses_unknown_parameters(folder):
    edit_card(folder, parameters={"depth": 3})
    with pytest.raises(ModelError, match=r"mine: .*Train it again"):
        load_model(folder)


def test_list_models_names_the_shipped_ones_and_those_of_the_folder(folder):
    paths = [path for path, _ in list_models(folder.parent)]
    assert paths == [default_model(), shipped_model("careful"), folder]


def test_list_models_of_no_folder_is_the_shipped_ones(tmp_path):
    assert [path for path, _ in list_models(tmp_path / "none")] == [default_model(), shipped_model("careful")]


def test_list_models_names_each_once():
    assert len(list_models(default_model().parent)) == 2
