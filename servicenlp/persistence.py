"""A model is a folder: weights.npz (arrays only), terms.txt, card.json and card.md.

Nothing in it is code and nothing is unpickled: loading a model runs nothing but numpy's reader of
plain arrays. card.json holds a hash of each other file, so a changed byte is noticed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from servicenlp.classifier import ServiceClassifier
from servicenlp.errors import ModelError
from servicenlp.features import Vocabulary
from servicenlp.taxonomy import TARGETS, values

FORMAT = 1
_UNWRITTEN = ("n_jobs", "random_state")  # the one decides nothing, the other may be any generator
_RETRAIN = "Train it again: servicenlp train DATA -o {folder}."


def default_model() -> Path:
    """Return the folder of the shipped linear model."""
    return shipped_model("default")


def shipped_model(name: str) -> Path:
    """Return the folder of a shipped model: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "models" / name
    return installed if installed.is_dir() else package.parent / "models" / name


def save_model(model: ServiceClassifier, folder: str | Path, card: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write a fitted model.

    Parameters
    ----------
    model : ServiceClassifier
        Fitted.
    folder : str or Path
        Made if it is not there; files of an older model in it are replaced.
    card : dict, optional
        What to tell about data and figures; kept in card.json under "about".

    Returns
    -------
    dict
        The card as written. Its "id" is a hash of weights and terms.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "weights.npz").open("wb") as file:
        # Half precision moves a probability by less than 0.001 and halves the folder.
        np.savez(
            file,
            keys=model.vocabulary_.keys,
            coef=model.coef_.astype(np.float16),
            intercept=model.intercept_,
            evidence_coef=model.evidence_coef_.astype(np.float16),
            evidence_form=model.evidence_form_,
            **{f"offsets_{target}": offsets for target, offsets in model.offsets_.items()},  # type: ignore[arg-type]
        )
    (folder / "terms.txt").write_text("\n".join(model.terms_) + "\n", encoding="utf-8")
    written = {
        "files": dict.fromkeys(("weights.npz", "terms.txt"), ""),
        # How it was fitted, as far as that can be written down and is not the default, None.
        "parameters": {k: v for k, v in model.get_params().items() if k not in _UNWRITTEN and v is not None},
        "labels": {target: values(target) for target in model.outputs_},
        "temperatures": {target: round(t, 6) for target, t in model.temperatures_.items()},
        "about": card or {},
    }
    return write_card(folder, written)


def write_card(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write card.json, adding format, name, the hash of each file it names, and the id; return it."""
    hashes = {name: _hash(folder / name) for name in card["files"]}
    card = {"format": FORMAT, "name": folder.name, "id": "", **card, "files": hashes}
    card["id"] = _identity(card)
    (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


def load_model(folder: str | Path | None = None) -> ServiceClassifier:
    """Load a model folder; the shipped one if none is named.

    Parameters
    ----------
    folder : str or Path, optional
        As `save_model` wrote it.

    Returns
    -------
    ServiceClassifier
        Fitted; its `card_` is the folder's card.

    Raises
    ------
    ModelError
        If the folder is missing, damaged, of another format, or made for other labels.

    Examples
    --------
    >>> model = load_model()
    >>> model.predict(["Never again, they kept my deposit."]).tolist()
    [1]
    """
    folder = Path(folder) if folder is not None else default_model()
    card = load_card(folder)
    if "kind" in card:
        raise ModelError(f"{folder}: not a linear model. Found a {card['kind']}. Use it beside one: --careful-model {folder}.")
    check_files(folder, card)
    try:
        with (folder / "weights.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            model = ServiceClassifier(**card["parameters"])
            model.vocabulary_ = Vocabulary(arrays["keys"])
            model.coef_ = arrays["coef"].astype(np.float32)
            model.intercept_ = arrays["intercept"]
            model.evidence_coef_ = arrays["evidence_coef"].astype(np.float32)
            model.evidence_form_ = arrays["evidence_form"]
            model.offsets_ = {target: arrays[f"offsets_{target}"] for target in card["labels"]}
    except (KeyError, ValueError, BadZipFile, TypeError, EOFError, AttributeError) as error:
        raise ModelError(f"{folder}: weights.npz cannot be read. Found: {error}. {_RETRAIN.format(folder=folder)}") from error
    model.classes_ = np.array(values("level"))
    model.terms_ = (folder / "terms.txt").read_text(encoding="utf-8").splitlines()
    sizes = [len(card["labels"][target]) for target in card["labels"]]
    ends = np.cumsum(sizes)
    model.outputs_ = {t: slice(int(end - size), int(end)) for t, size, end in zip(card["labels"], sizes, ends, strict=True)}
    model.temperatures_ = card["temperatures"]
    model.card_ = card
    return model


def load_card(folder: Path) -> dict[str, Any]:
    """Return card.json if it is of this format and these labels."""
    try:
        card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: not a model folder. Found no card.json. Name a folder that `servicenlp train` wrote.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: card.json cannot be read. Found: {error}. {_RETRAIN.format(folder=folder)}") from error
    if not isinstance(card, dict) or not card.keys() >= {"format", "id", "files", "parameters", "labels", "temperatures", "about"}:
        raise ModelError(f"{folder}: card.json is not a model card. Found other content. {_RETRAIN.format(folder=folder)}")
    if card.get("format") != FORMAT:
        raise ModelError(
            f"{folder}: a model of another format. Found format {card.get('format')!r}, this version reads {FORMAT}. "
            + _RETRAIN.format(folder=folder)
        )
    for target, labels in card["labels"].items():
        if target not in TARGETS or labels != values(target):
            raise ModelError(f"{folder}: other labels for {target}. Found {labels}. {_RETRAIN.format(folder=folder)}")
    return card


def check_files(folder: Path, card: dict[str, Any]) -> None:
    """Raise ModelError if the card or a file it names has other content than when it was written."""
    way_out = _RETRAIN.format(folder=f"{folder} --{card['kind']}" if "kind" in card else folder)
    if card["id"] != _identity(card):
        raise ModelError(f"{folder}: card.json is damaged. Found another id than its content gives. {way_out}")
    for name, expected in card["files"].items():
        if not (folder / name).is_file() or _hash(folder / name) != expected:
            raise ModelError(f"{folder}: {name} is damaged. Found other bytes than its card.json names. Restore the folder, or: {way_out}")


def _identity(card: dict[str, Any]) -> str:
    """Return a hash of all that decides what the model predicts."""
    deciding = [card[key] for key in ("format", "files", "parameters", "labels", "temperatures")]
    return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:12]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def list_models(folder: str | Path) -> list[tuple[Path, dict[str, Any] | ModelError]]:
    """Return path and card of the shipped models and of every model in a folder; the error of one that is damaged."""
    inside = sorted(path.parent for path in Path(folder).glob("*/card.json"))
    paths = {path.resolve(): path for path in [default_model(), shipped_model("careful"), *inside] if (path / "card.json").is_file()}
    found: list[tuple[Path, dict[str, Any] | ModelError]] = []
    for path in paths.values():
        try:
            found.append((path, load_card(path)))
        except ModelError as error:
            found.append((path, error))
    return found
