"""The model as a component of a spaCy pipeline: ``nlp.add_pipe("servicenlp")``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import ServicenlpError
from servicenlp.features import find_terms
from servicenlp.interactions import split_turns
from servicenlp.persistence import default_model, load_card, load_model
from servicenlp.scoring import score_texts
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, NONE, values

try:
    import srsly
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.util import minibatch
except ImportError as error:
    raise ServicenlpError("spaCy: it is not installed. Found no module spacy. Install it: pip install 'servicenlp[spacy]'.") from error

EXTENSION, SPANS = "service", "service_evidence"
_PLAIN = ("level", "level_name", "confidence", "expected_level", "focus", "ring", "cause", "interest", "status", "model")
_OUTCOMES = [str(outcome) for outcome in values("primary") if outcome != NONE.value]


class ServiceComponent:
    """Judge documents: sets ``doc._.service``, ``doc.cats`` and ``doc.spans["service_evidence"]``.

    Parameters
    ----------
    folder : Path
        The model's.
    threshold : float or None
        From which probability on a category counts as failed or delighted; None takes what the
        model decides.

    Attributes
    ----------
    model : ServiceClassifier
        Loaded.

    Notes
    -----
    ``doc._.service`` is a dictionary: level, level_name, probabilities (by level), expected_level,
    confidence, categories (by category: outcome and probabilities), focus, ring, cause, interest,
    evidence (text, start, end, turn), flags, status and model; the level is None where the text cannot be
    judged, and status says why. ``doc.cats`` holds the levels' names, whose values sum to 1, and
    names such as ``primary failed``. The span of the evidence bears the name of the level.

    Examples
    --------
    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> _ = nlp.add_pipe("servicenlp", config={"threshold": 0.6})
    >>> doc = nlp("You charged me twice and nobody answers.")
    >>> doc._.service["level"], doc._.service["categories"]["primary"]["outcome"]
    (1, 'failed')
    >>> max(doc.cats, key=doc.cats.get), doc.spans["service_evidence"][0].label_
    ('criminal', 'criminal')
    """

    def __init__(self, folder: Path, threshold: float | None = None) -> None:
        self.threshold = threshold
        self._load(folder)

    def _load(self, folder: Path) -> None:
        self.model: ServiceClassifier = load_model(folder)
        names = ["card.json", *load_card(folder)["files"]]
        self._files = {name: (folder / name).read_bytes() for name in names}

    def __call__(self, doc: Doc) -> Doc:
        """Judge one document."""
        self._judge([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """Judge documents in batches, which takes far less time than one by one."""
        for docs in minibatch(stream, size=batch_size):
            self._judge(docs)
            yield from docs

    def _judge(self, docs: list[Doc]) -> None:
        texts = [doc.text for doc in docs]
        columns = score_texts(self.model, texts)
        proba = self.model.probabilities(self.model.score_terms(find_terms(texts, [split_turns(text) for text in texts]), len(texts))[0])
        for i, doc in enumerate(docs):
            told = {name: column[i] for name, column in columns.items()}
            shares = {target: [round(float(p), 4) for p in table[i]] for target, table in proba.items()}
            self._set(doc, told, shares)

    def _set(self, doc: Doc, told: dict[str, Any], shares: dict[str, list[float]]) -> None:
        service = {name: told[name] for name in _PLAIN}
        service |= {
            "probabilities": {},
            "categories": {},
            "evidence": None,
            "flags": (told["flags"] or "").split("|") if told["flags"] else [],
        }
        spans = []
        if told["level"] is not None:
            service["probabilities"] = {str(level.value): p for level, p in zip(LEVELS, shares["level"], strict=True)}
            doc.cats |= {level.name: p for level, p in zip(LEVELS, shares["level"], strict=True)}
            for category in CATEGORY_NAMES:
                if category not in shares:
                    continue
                by_outcome = {str(value): p for value, p in zip(values(category), shares[category], strict=True)}
                service["categories"][category] = {"outcome": self._outcome(told[category], by_outcome), "probabilities": by_outcome}
                doc.cats |= {f"{category} {outcome}": by_outcome[outcome] for outcome in _OUTCOMES}
            if told["evidence"]:
                start, end = told["evidence_start"], told["evidence_end"]
                service["evidence"] = {"text": told["evidence"], "start": start, "end": end, "turn": told["evidence_turn"]}
                span = doc.char_span(start, end, label=told["level_name"], alignment_mode="expand")
                spans = [span] if span is not None else []
        doc.spans[SPANS] = spans
        doc._.set(EXTENSION, service)

    def _outcome(self, decided: str, by_outcome: dict[str, float]) -> str:
        if self.threshold is None:
            return decided
        best = max(_OUTCOMES, key=lambda outcome: by_outcome[outcome])
        return best if by_outcome[best] >= self.threshold else str(NONE.value)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the model's folder, as it was loaded, and the threshold."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (path / name).write_bytes(content)
        srsly.write_json(path / "component.json", {"threshold": self.threshold})

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "ServiceComponent":
        """Load what `to_disk` wrote."""
        self._load(Path(path))
        self.threshold = srsly.read_json(Path(path) / "component.json")["threshold"]
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the model and the threshold as bytes."""
        packed: bytes = srsly.msgpack_dumps({"threshold": self.threshold, "files": self._files})
        return packed

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "ServiceComponent":
        """Load what `to_bytes` returned."""
        told = srsly.msgpack_loads(data)
        with TemporaryDirectory() as folder:
            for name, content in told["files"].items():
                (Path(folder) / Path(name).name).write_bytes(content)
            self._load(Path(folder))
        self.threshold = told["threshold"]
        return self


@Language.factory(
    "servicenlp", assigns=["doc._.service", "doc.cats", "doc.spans"], default_config={"model": None, "threshold": None}, requires=[]
)
def make_component(nlp: Language, name: str, model: str | None, threshold: float | None) -> ServiceComponent:
    """Make the component; spaCy calls this.

    Parameters
    ----------
    nlp, name
        The pipeline, and what the component is called in it.
    model : str or None
        A model folder; the shipped one by default.
    threshold : float or None
        See `ServiceComponent`.
    """
    if not Doc.has_extension(EXTENSION):
        Doc.set_extension(EXTENSION, default=None)
    return ServiceComponent(Path(model) if model else default_model(), threshold)
