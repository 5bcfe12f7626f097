import hashlib

import pandas as pd
import pytest
from click.testing import CliRunner

from servicenlp import transformer_training
from servicenlp.cli import main
from servicenlp.errors import DataError, ModelError
from servicenlp.transformer_training import PRETRAINED, find_pretrained, held_out, train_transformer


@pytest.fixture
def bare(monkeypatch):
    """As if torch were not installed."""
    find = transformer_training.find_spec
    monkeypatch.setattr(transformer_training, "find_spec", lambda name: None if name == "torch" else find(name))


def test_held_out_takes_the_last_family_of_each_file():
    table = pd.DataFrame({"file": ["x", "x", "x", "y", "y", "z"], "family": ["b", "a", "b", "c", "d", "e"]})
    assert held_out(table).tolist() == [True, False, True, False, True, False]


def test_held_out_keeps_a_family_on_one_side():
    table = pd.DataFrame({"file": ["x", "x", "y"], "family": ["a", 7, "a"]})
    assert held_out(table).tolist() == [True, False, True]


def test_find_pretrained_says_how_to_install_the_extra(bare):
    with pytest.raises(
        ModelError,
        match=r"^Training a transformer: needs more. Found no 'torch'. Install it: pip install 'servicenlp\[careful-train\]'.$",
    ):
        find_pretrained()


def test_train_transformer_says_how_to_install_the_extra_in_one_line(bare, tmp_path):
    result = CliRunner().invoke(main, ["train", str(tmp_path), "-o", str(tmp_path / "mine"), "--transformer"])
    assert result.exit_code == 1
    assert "Error: Training a transformer: needs more. Found no 'torch'." in result.stderr
    assert not (tmp_path / "mine").exists()


def test_find_pretrained_refuses_other_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(transformer_training, "find_spec", lambda name: name)
    monkeypatch.setattr(transformer_training, "files", lambda name: tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model: not the weights of sentence-transformers/all-MiniLM-L6-v2. Found other bytes."):
        find_pretrained()
    monkeypatch.setitem(PRETRAINED, "sha256", hashlib.sha256(b"other").hexdigest())
    assert find_pretrained() == tmp_path / "model"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("text,level\nFine,3\nBad,2\n", r"one.csv: one family only. Found nothing to judge by. Add a column family.$"),
        ("text,primary\nFine,none\n", r"one.csv: no levels to learn. Found none. Add a column level \(1 to 6\).$"),
    ],
)
def test_train_transformer_says_what_the_data_lack(monkeypatch, tmp_path, lines, message):
    monkeypatch.setattr(transformer_training, "find_pretrained", lambda: tmp_path)
    (tmp_path / "one.csv").write_text(lines)
    with pytest.raises(DataError, match=message):
        train_transformer([tmp_path / "one.csv"], tmp_path / "mine", list)
