"""A second reader: a small transformer that reads words in their context, and shares the verdict with the linear model.

It needs the extra ``servicenlp[careful]`` (onnxruntime, tokenizers). Its folder holds model.onnx,
tokenizer.json, card.json and card.md; nothing in it is unpickled.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servicenlp import calibration
from servicenlp.errors import ModelError
from servicenlp.persistence import check_files, load_card, shipped_model
from servicenlp.taxonomy import CATEGORY_NAMES, values

Floats = NDArray[np.float64]
Probabilities = dict[str, Floats]

KIND = "transformer"
FILES = ("model.onnx", "tokenizer.json")
READ = ("level", *CATEGORY_NAMES, "focus")  # the targets it predicts, in the order of its outputs
UNSURE = 0.9  # where the largest level probability is below, it reads again; above, both agree nearly always
HEAD, TAIL = 40, 78  # tokens kept of a long text: how it began, and above all how it ended
_LONG = 10_000  # characters; far more than HEAD and TAIL tokens, and quick to split
_START, _END = 101, 102  # [CLS] and [SEP] in BERT's vocabulary


class Transformer:
    """Predict the level, the categories and the focus with a fine-tuned MiniLM.

    Six layers of 384 dimensions (Wang et al. 2020, *MiniLM*), pretrained for sentences as in
    Reimers and Gurevych 2019, *Sentence-BERT*; the mean of the token vectors goes into one linear
    layer for each target. `load_transformer` makes one.

    Attributes
    ----------
    card_ : dict
        The folder's card.
    temperatures_ : dict of str to float
        For each target in `READ`; see `calibration.fit_temperature`.
    offsets_ : dict of str to array
        For the categories and the focus; see `calibration.choose_offsets`.
    """

    def __init__(self, session: Any, tokenizer: Any, card: dict[str, Any], workers: int | None = None, file: Path | None = None) -> None:
        self.card_ = card
        self.temperatures_: dict[str, float] = card["temperatures"]
        self.offsets_: Probabilities = {target: np.array(own) for target, own in card["parameters"]["offsets"].items()}
        self._session, self._tokenizer, self._workers, self._file = session, tokenizer, workers or os.cpu_count(), file

    def __getstate__(self) -> dict[str, Any]:
        """Return what is shipped to a worker of a cluster: the network itself, for its file may not be there."""
        if self._file is None:
            raise TypeError("a transformer that was not loaded from a folder")
        return {"card": self.card_, "tokenizer": self._tokenizer, "network": self._file.read_bytes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was shipped; a worker is one of many, and reads with one thread."""
        self.__init__(open_session(state["network"]), state["tokenizer"], state["card"], workers=1)  # type: ignore[misc]

    @property
    def name(self) -> str:
        """Name and content hash, as in the column ``service_model``."""
        return f"{self.card_['name']}-{self.card_['id']}"

    def decision_function(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of every output, shape (n_texts, 23): the labels of each target in `READ`."""
        tokens = tokenise(self._tokenizer, texts)
        with ThreadPoolExecutor(self._workers) as pool:
            return np.array(list(pool.map(self._score, tokens)), np.float32).reshape(len(texts), n_outputs())

    def _score(self, tokens: list[int]) -> NDArray[np.float32]:
        # One text at a time: activations of 8 bits are scaled by the largest of their batch, so that
        # a text would be read otherwise in other company. It costs nothing, since nothing is padded.
        scores: NDArray[np.float32] = self._session.run(None, {"tokens": np.array([tokens], np.int64)})[0]
        return scores[0]

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Return calibrated probabilities of each target in `READ`, each of shape (n_texts, n_labels)."""
        return probabilities(self.decision_function(texts), self.temperatures_)

    def reread(self, texts: Sequence[str], proba: Probabilities, offsets: Mapping[str, Floats]) -> tuple[Probabilities, Probabilities]:
        """Read again what the first reader is unsure of, and average.

        Parameters
        ----------
        texts : sequence of str
            The interactions.
        proba : dict of str to array, shape (n_texts, n_labels)
            The first reader's calibrated probabilities. Where its largest level probability is
            below `UNSURE`, each target in `READ` becomes the mean of both readers'.
        offsets : mapping of str to array, shape (n_labels,)
            By which the first reader decides. That of the level, which holds what a missed criminal
            interaction costs, stays as it is; the others become the mean of both readers' as well.

        Returns
        -------
        proba, offsets : dict of str to array, shape (n_texts, n_labels)
            To be decided upon by `calibration.decide`.
        """
        rows = np.flatnonzero(proba["level"].max(axis=1) < UNSURE)
        proba = {target: own.copy() for target, own in proba.items()}
        spread = {target: np.tile(own, (len(texts), 1)) for target, own in offsets.items()}
        for target, second in self.predict_proba([texts[i] for i in rows.tolist()]).items():
            if target in proba:
                proba[target][rows] = (proba[target][rows] + second) / 2
                spread[target][rows] = (spread[target][rows] + self.offsets_.get(target, offsets[target])) / 2
        return proba, spread


def load_transformer(folder: str | Path | None = None, workers: int | None = None) -> Transformer:
    """Load a transformer's folder; the shipped one if none is named.

    Parameters
    ----------
    folder : str or Path, optional
        As ``servicenlp train --transformer`` writes it.
    workers : int, optional
        Threads that read at the same time; one a core by default. The result does not depend on it.

    Raises
    ------
    ModelError
        If onnxruntime or tokenizers is not installed, or the folder is missing, damaged, of another
        format, or holds another kind of model.
    """
    try:
        import onnxruntime  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"Careful reading: needs onnxruntime and tokenizers. Found no {error.name!r}. Install them: pip install 'servicenlp[careful]'."
        ) from error
    folder = Path(folder) if folder is not None else shipped_model("careful")
    card = load_card(folder)
    if card.get("kind") != KIND or not card["files"].keys() >= set(FILES) or card["labels"].keys() != set(READ):
        raise ModelError(f"{folder}: not a transformer. Found another kind of model. Name it with --model, or leave --careful-model out.")
    check_files(folder, card)
    try:
        return open_transformer(folder, card, workers)
    except Exception as error:  # both libraries raise classes of their own that derive from it only
        raise ModelError(f"{folder}: cannot be read. Found: {error}. Restore the folder, or train it again with --transformer.") from error


def open_transformer(folder: Path, card: dict[str, Any], workers: int | None = None) -> Transformer:
    """Return the transformer whose model.onnx and tokenizer.json a folder holds, without checking them against the card."""
    file = folder / "model.onnx"
    return Transformer(open_session(file.read_bytes()), open_tokenizer(folder / "tokenizer.json"), card, workers, file)


def open_session(network: bytes) -> Any:
    """Return what runs a network that is written in ONNX."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several texts at once are faster than several threads for one
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def n_outputs() -> int:
    """Return how many outputs there are: one for each label of each target in `READ`."""
    return sum(len(values(target)) for target in READ)


def probabilities(scores: NDArray[np.float32], temperatures: dict[str, float]) -> Probabilities:
    """Return calibrated probabilities of each target from all outputs."""
    ends = np.cumsum([len(values(target)) for target in READ])[:-1]
    parts = np.split(scores.astype(float), ends, axis=1)
    return {target: calibration.probabilities(part, temperatures[target]) for target, part in zip(READ, parts, strict=True)}


def open_tokenizer(file: Path) -> Any:
    """Return the tokenizer in a tokenizer.json, with neither truncation nor padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the token numbers of each text; of a long one its first `HEAD` and last `TAIL`."""
    short = [text if len(text) <= _LONG else f"{text[: _LONG // 2]} {text[-_LONG // 2 :]}" for text in texts]
    sound = [text.encode("utf-8", "replace").decode() for text in short]  # half a surrogate pair is no character
    found = [encoding.ids for encoding in tokenizer.encode_batch(sound, add_special_tokens=False)]
    return [[_START, *(ids if len(ids) <= HEAD + TAIL else ids[:HEAD] + ids[-TAIL:]), _END] for ids in found]
