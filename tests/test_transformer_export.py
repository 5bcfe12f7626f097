import json

import numpy as np
import pandas as pd
import pytest

from servicenlp.persistence import shipped_model
from servicenlp.transformer import READ, n_outputs
from servicenlp.transformer_export import export, label_indices, render_card

SHIPPED = shipped_model("careful")


def test_label_indices_of_a_missing_label_is_below_zero():
    table = pd.DataFrame({"level": [1, 6, None], "primary": ["none", None, "delighted"]})
    found = label_indices(table)
    assert tuple(found) == READ
    assert found["level"].tolist() == [0, 5, -1]
    assert found["primary"].tolist() == [0, -1, 2]
    assert found["focus"].tolist() == [-1, -1, -1]


def test_render_card_makes_the_shipped_one():
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
    assert render_card(card) == (SHIPPED / "card.md").read_text(encoding="utf-8")


def test_render_card_lists_what_was_left_out():
    card = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
    card["about"]["left_out"] = ["a.csv, line 3: no text"]
    assert render_card(card).endswith("## Left out: 1 lines\n\n- a.csv, line 3: no text\n")


@pytest.mark.filterwarnings("ignore")
def test_export_keeps_what_the_network_says_and_no_paths(tmp_path):
    torch = pytest.importorskip("torch")
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vectors = torch.nn.Embedding(3000, 64)
            self.head = torch.nn.Linear(64, n_outputs())

        def forward(self, tokens, mask):
            share = mask.unsqueeze(-1).float()
            return self.head((self.vectors(tokens) * share).sum(1) / share.sum(1))

    network = Network().eval()
    export(network, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession((tmp_path / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    for tokens in ([[101, 102]], [[101, 7, 2204, 102]]):
        expected = network(torch.tensor(tokens), torch.ones(1, len(tokens[0]))).detach().numpy()
        assert session.run(None, {"tokens": np.array(tokens)})[0] == pytest.approx(expected, abs=0.05)
    assert b".py" not in (tmp_path / "model.onnx").read_bytes()
