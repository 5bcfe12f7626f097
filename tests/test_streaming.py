"""Runs that are stopped: killed at any moment, gone on with, and as if nothing had happened."""

import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from servicenlp.journal import Journal
from servicenlp.readers import open_source
from servicenlp.scoring import BATCH, Scorer
from servicenlp.streaming import score_files

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def export(tmp_path_factory, learned) -> Path:
    """Six thousand rows: a run of a second or two."""
    path = tmp_path_factory.mktemp("export") / "tickets.csv"
    table = learned[["text"]]
    table.loc[table.index.repeat(12_000 // len(table) + 1)].head(12_000).to_csv(path, index_label="id")
    return path


def command(export: Path, output: Path, model: Path, *more: str) -> list[str]:
    known = ["-o", str(output), "-m", str(model), "--workers", "2", "--quiet"]
    return [sys.executable, "-m", "servicenlp", "score", str(export), *known, *more]


def run_for(seconds: float, arguments: list[str], how: signal.Signals) -> subprocess.CompletedProcess:
    """Start a run, and signal it and its workers after some seconds."""
    process = subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.PIPE, text=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, how)
    error = process.communicate()[1]
    return subprocess.CompletedProcess(arguments, process.returncode, stderr=error)


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_what_is_whole_only_at_its_end_begins_anew(export, model, tmp_path, suffix):
    output, few = tmp_path / f"out{suffix}", tmp_path / "few.csv"
    pd.read_csv(export).head(BATCH + 100).to_csv(few, index=False)
    source = open_source(few)
    parts = score_files(Scorer(model), [source], output, io.StringIO(), journal=Journal(output, {}))
    next(parts)
    with pytest.raises(KeyboardInterrupt):
        parts.throw(KeyboardInterrupt())
    journal = Journal(output, {}, resume=True)
    assert journal.rows == 0
    list(score_files(Scorer(model), [source], output, io.StringIO(), journal=journal))
    assert open_source(output).table.n_rows == source.table.n_rows


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_run_killed_anywhere_goes_on_to_the_same_bytes(export, model_folder, tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    start = time.monotonic()
    subprocess.run(command(export, whole, model_folder), check=True)
    length = time.monotonic() - start
    output = tmp_path / f"out{suffix}"
    rng = random.Random(1)
    killed = 0
    while killed < 10:
        # The end of the run is where the files are: most kills fall there, some into the start.
        killed += run_for(rng.uniform(0.2, 1.0) * length, command(export, output, model_folder, "--resume"), signal.SIGKILL).returncode != 0
        if output.exists():
            assert output.read_bytes() == whole.read_bytes()
            output.unlink()
    subprocess.run(command(export, output, model_folder, "--resume"), check=True)
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, whole.name])


def test_ctrl_c_says_one_line_and_leaves_nothing_under_the_final_name(export, model_folder, tmp_path):
    output = tmp_path / "out.csv"
    arguments = command(export, output, model_folder)
    process = subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / ".out.csv.journal"
    while not (journal.exists() and journal.read_text().count("\n") > 2):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[1] == "Error: Stopped. What is done is kept: go on with --resume.\n"
    assert process.returncode == 1
    assert not output.exists()


def wait_for_workers(process: subprocess.Popen, journal: Path) -> list[int]:
    """Wait until a run is under way, and return its workers where the system tells."""
    while not (journal.exists() and journal.read_text().count("\n") > 2):
        assert process.poll() is None
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return list(map(int, children.read_text().split())) if children.exists() else []


def test_workers_go_silently_with_a_killed_run(export, model_folder, tmp_path):
    process = subprocess.Popen(command(export, tmp_path / "out.csv", model_folder), stderr=subprocess.PIPE, text=True)
    wait_for_workers(process, tmp_path / ".out.csv.journal")
    process.kill()
    assert process.communicate(timeout=60)[1] == ""  # which ends only when the workers, who have it too, are gone


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell whose processes are whose")
def test_a_killed_worker_is_told_in_one_line(export, model_folder, tmp_path):
    output = tmp_path / "out.csv"
    process = subprocess.Popen(command(export, output, model_folder), stderr=subprocess.PIPE, text=True)
    os.kill(wait_for_workers(process, tmp_path / ".out.csv.journal")[0], signal.SIGKILL)
    error = process.communicate(timeout=60)[1]
    assert (process.returncode, error.count("\n")) == (1, 1)
    assert error.startswith("Error: A worker was ended from outside.")
    subprocess.run(command(export, output, model_folder, "--resume"), check=True)
    assert len(output.read_bytes().splitlines()) > 12_000


def test_resume_refuses_a_run_of_other_options(export, model_folder, tmp_path):
    output = tmp_path / "out.csv"
    (tmp_path / ".out.csv.part").write_text("")
    (tmp_path / ".out.csv.journal").write_text('{"inputs": [], "model": "x", "options": []}\n')
    refused = subprocess.run(command(export, output, model_folder, "--resume"), capture_output=True, text=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "cannot go on. Found a run of other inputs, model, options." in refused.stderr
