"""What several test files share: labelled interactions, a small fitted model, and its folder."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def heard() -> None:
    """Let what the tests start hear Ctrl-C also where a shell runs them in its background, deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server of our own in a temporary folder, reached through a socket there only; its URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [Path(path) for path in [shutil.which("pg_ctl")] if path]
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="servicenlp-pg-", dir="/tmp"))  # a socket's path must be short
    as_other: list[str] = []
    if os.getuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*as_other, str(programs / program), *arguments], check=True, cwd=folder, capture_output=True, timeout=120)

    try:
        run("initdb", "-D", f"{folder}/data", "-U", "tester", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=50"
        run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
