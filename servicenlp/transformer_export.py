"""A fine-tuned network to a transformer's folder: weights of 8 bits, calibration on interactions left out, and a card."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp import calibration
from servicenlp.evaluation import by_group, evaluate
from servicenlp.model_card import learnt_from
from servicenlp.persistence import write_card
from servicenlp.taxonomy import values
from servicenlp.transformer import FILES, KIND, READ, open_transformer

Ints = NDArray[np.int64]


def export(network: Any, file: Path) -> None:
    """Write a network as ONNX with weights of 8 bits: token numbers (1, n_tokens) to scores (1, 23)."""
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    class OneText(torch.nn.Module):
        """The network for one text, which needs no mask."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, tokens: Any) -> Any:
            return self.network(tokens, torch.ones_like(tokens))

    example = torch.tensor([[101, 2204, 2326, 102]])
    length = torch.export.Dim("length", min=2, max=512)
    with tempfile.TemporaryDirectory() as scratch:
        whole, small = Path(scratch) / "whole.onnx", Path(scratch) / "small.onnx"
        torch.onnx.export(
            OneText().eval(), (example,), whole, input_names=["tokens"], output_names=["scores"],
            dynamic_shapes={"tokens": {1: length}}, dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
        # A scale for each column of weights: one for all of them moves probabilities twice as far.
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"])
        model = onnx.load(small)
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info]:
        part.ClearField("metadata_props")  # where each node was made: paths of the machine that trained it
        part.ClearField("doc_string")
    file.write_bytes(model.SerializeToString(deterministic=True))


def calibrate(folder: Path, table: pd.DataFrame, about: dict[str, Any]) -> dict[str, Any]:
    """Fit temperatures and decisions on interactions left out of training, judge there, and write the cards.

    Parameters
    ----------
    folder : Path
        Holds model.onnx and tokenizer.json.
    table : DataFrame
        The interactions left out, as `read_corpus` gives them.
    about : dict
        What to tell of data and pretrained weights; the figures come beside them.

    Returns
    -------
    dict
        The card. Level has no offsets: what a missed criminal interaction costs is for the linear
        model to say.
    """
    card: dict[str, Any] = {
        "kind": KIND,
        "files": dict.fromkeys(FILES, ""),
        "parameters": {"offsets": {}},
        "labels": {target: values(target) for target in READ},
        "temperatures": dict.fromkeys(READ, 1.0),
    }
    raw = open_transformer(folder, card).predict_proba(list(table["text"]))
    weight, proba = table["weight"].to_numpy(float), {}
    for target, label in label_indices(table).items():
        known = label >= 0
        scores = np.log(raw[target])
        temperature = round(calibration.fit_temperature(scores[known], label[known], weight[known]), 6) if known.any() else 1.0
        card["temperatures"][target] = temperature
        proba[target] = calibration.probabilities(scores, temperature)
        if target != "level":
            offsets = calibration.choose_offsets(proba[target][known], label[known], weight[known])
            card["parameters"]["offsets"][target] = offsets.round(6).tolist()
    card["about"] = about | {"figures": _figures(table, proba, card["parameters"]["offsets"])}
    card = write_card(folder, card)
    (folder / "card.md").write_text(render_card(card), encoding="utf-8")
    return card


def label_indices(table: pd.DataFrame) -> dict[str, Ints]:
    """Return the index of each label in its target, -1 where there is none."""
    none = pd.Series([None] * len(table))
    return {target: pd.Index(values(target)).get_indexer(pd.Index(table.get(target, none))) for target in READ}


def _figures(table: pd.DataFrame, proba: dict[str, Any], offsets: dict[str, list[float]]) -> dict[str, Any]:
    """Judge by the most probable level, and the categories and focus as decided."""
    guess = pd.DataFrame(
        {t: np.array(values(t))[calibration.decide(p, np.array(offsets.get(t, 0.0)))] for t, p in proba.items()}, index=table.index
    )
    known = table[table["level"].notna()]
    groups = by_group(known, guess.loc[known.index], known["file"] + " " + known["family"]).round(3).to_dict("records")
    return {"all": {k: round(v, 4) for k, v in evaluate(table, guess, proba["level"]).items()}, "family": groups}


def render_card(card: dict[str, Any]) -> str:
    """Return the model card for people, in Markdown."""
    about, pretrained = card["about"], card["about"]["pretrained"]
    judged = sum(row["n"] for row in about["figures"]["family"])
    lines = [
        f"# Model card: {card['name']} ({card['id']})",
        "",
        "Reads again the customer interactions of which the linear model is not sure, and shares the verdict with it: service",
        "level, what failed or delighted in four categories, and focus. Six transformer layers of 384 dimensions, weights of 8 bits.",
        "",
        "## Licence and origin of the pretrained weights",
        "",
        f"Fine-tuned from `{pretrained['name']}`, {pretrained['licence']} (https://www.apache.org/licenses/LICENSE-2.0), by the",
        "Sentence-Transformers project, after MiniLM by Microsoft. The weights were changed: trained further on the data below, and",
        f"rounded to 8 bits. `tokenizer.json` is theirs, unchanged. Sources: {'; '.join(pretrained['sources'])}.",
        f"Their SHA-256: `{pretrained['sha256']}`.",
        "",
        *learnt_from(about["data"]),
        "",
        "## Figures",
        "",
        f"Read alone, on {judged:,} of these interactions: the families below, left out of training and used to calibrate.",
        "Real customers' words differ more: expect less there.",
        "",
        "| figure | |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in about["figures"]["all"].items()),
        "",
        "| family | n | level accuracy | quadratic kappa |",
        "|---|---|---|---|",
        *(f"| {r['group']} | {r['n']:,} | {r['accuracy']:.3f} | {r['kappa']:.3f} |" for r in about["figures"]["family"]),
        "",
        "## Limits",
        "",
        "English only. Of a long text it reads the first 40 and the last 78 tokens. It cannot say which words decided.",
    ]
    if about["left_out"]:
        lines += ["", f"## Left out: {len(about['left_out'])} lines", "", *(f"- {problem}" for problem in about["left_out"][:50])]
    return "\n".join(lines) + "\n"
