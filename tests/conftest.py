"""What several test files share: labelled interactions, a small fitted model, and its folder."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from servicenlp.classifier import ServiceClassifier
from servicenlp.persistence import save_model
from servicenlp.taxonomy import TARGETS

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"

settings.register_profile("servicenlp", deadline=None)  # a busy machine is no bug
settings.load_profile("servicenlp")


@pytest.fixture(scope="session")
def interactions() -> pd.DataFrame:
    """Labelled rows over all six levels and every label of every target."""
    return pd.read_json(Path(__file__).parent / "interactions.jsonl", lines=True)


@pytest.fixture(scope="session")
def learned(interactions) -> pd.DataFrame:
    """What the small model was fitted on: every 60th plain line, the rare levels more often, and `interactions`."""
    with (DATA / "plain.jsonl").open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    chosen = [row for i, row in enumerate(lines) if i % (20 if row["level"] >= 5 else 60) == 0]
    return pd.concat([pd.DataFrame(chosen), interactions], ignore_index=True)


@pytest.fixture(scope="session")
def model(learned) -> ServiceClassifier:
    """A small model of all targets."""
    targets = [target for target in TARGETS if target in learned]
    with threadpool_limits(1):  # threads cost more than they bring at this size
        return ServiceClassifier(folds=2, max_iter=30).fit(learned["text"], learned[targets])


@pytest.fixture(scope="session")
def model_folder(model, tmp_path_factory) -> Path:
    """The small model as a folder."""
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(model, folder)
    return folder
