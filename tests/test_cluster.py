"""A real cluster of two worker processes, some of which are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

from servicenlp.cluster import score_on_cluster
from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.partitions import Job, Outcome, begin, end, find_partitions, merge, score_in_turn
from servicenlp.persistence import load_model
from servicenlp.scoring import Scorer
from servicenlp.streaming import Choices
from servicenlp.transformer import load_transformer

PARTS = 6
ROWS = 2000

# Sockets of workers that were killed are closed when they are collected.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory, learned) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    for i in range(PARTS):
        learned[["text"]].sample(ROWS, replace=True, random_state=i).to_csv(folder / f"{i}.csv", index_label="id")
    return folder


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set(
            {"distributed.scheduler.allowed-failures": 1, "distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
        ),
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit=0) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def scorer(model_folder) -> Scorer:
    return Scorer(load_model(model_folder))


@pytest.fixture(scope="module")
def single(exports, scorer, tmp_path_factory) -> tuple[Path, list[Outcome]]:
    """What one process makes of the exports."""
    job = make_job(scorer, tmp_path_factory.mktemp("single") / "out")
    return Path(job.folder), list(score_in_turn(job, find_partitions([str(exports)], Options())))


def make_job(scorer: Scorer, folder: Path) -> Job:
    begin(str(folder), force=False, resume=False)
    return Job(scorer, str(folder), Choices(), Options(), {})


def parts_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def pids(address: str) -> set[int]:
    with Client(address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


@pytest.mark.parametrize("victims", [0, 1, 2])
def test_parts_are_those_of_one_process_whoever_is_killed(exports, cluster, scorer, single, tmp_path, victims):
    job = make_job(scorer, tmp_path / "out")
    workers = sorted(pids(cluster.scheduler_address))
    assert len(workers) == 2
    outcomes = []
    for outcome in score_on_cluster(job, find_partitions([str(exports)], Options()), cluster.scheduler_address):
        outcomes.append(outcome)
        if len(outcomes) == 2:
            for pid in workers[:victims]:
                os.kill(pid, signal.SIGKILL)
    end(job.folder)
    assert [outcome.error for outcome in outcomes] == [None] * PARTS
    assert parts_of(tmp_path / "out") == parts_of(single[0])
    assert merge(outcomes) == merge(single[1])
    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    assert len(set(workers) & pids(cluster.scheduler_address)) == 2 - victims


def test_workers_keep_no_model_afterwards(exports, cluster, scorer, tmp_path):
    job = make_job(scorer, tmp_path / "out")
    list(score_on_cluster(job, find_partitions([str(exports / "0.csv")], Options()), cluster.scheduler_address))
    with Client(cluster, set_as_default=False) as client:
        kept = client.run(lambda dask_worker: list(dask_worker.plugins))
    assert [name for names in kept.values() for name in names if name.startswith("servicenlp")] == []


def test_a_partition_that_cannot_be_read_fails_alone(exports, cluster, scorer, tmp_path):
    (tmp_path / "0.csv").write_text("")
    found = find_partitions([str(tmp_path / "0.csv"), str(exports / "1.csv")], Options())
    outcomes = {outcome.partition.part: outcome.error for outcome in score_on_cluster(
        make_job(scorer, tmp_path / "out"), found, cluster.scheduler_address)}  # fmt: skip
    assert str(outcomes.pop("part-00000.csv")).endswith("0.csv: the file is empty. Found no header. Export it again.")
    assert outcomes == {"part-00001.csv": None}


def test_a_partition_that_ends_its_workers_is_given_up(cluster, scorer, tmp_path):
    class Deadly(Scorer):
        def score(self, *texts):
            os.kill(os.getpid(), signal.SIGKILL)

    (tmp_path / "0.csv").write_text("id,text\n1,The waiter was rude\n")
    job = make_job(Deadly(scorer.model), tmp_path / "out")
    [outcome] = score_on_cluster(job, find_partitions([str(tmp_path / "0.csv")], Options()), cluster.scheduler_address)
    assert "0.csv: ended every worker that scored it. Found no cause. Give workers more memory" in str(outcome.error)
    end(job.folder)
    assert parts_of(tmp_path / "out") == {}


def test_a_careful_reader_is_sent_too(cluster, scorer, learned, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    both = Scorer(scorer.model, load_transformer())
    (tmp_path / "in").mkdir()
    for i in range(2):
        learned[["text"]].sample(40, random_state=i).to_csv(tmp_path / "in" / f"{i}.csv", index_label="id")
    found = find_partitions([str(tmp_path / "in")], Options())
    alone, spread = make_job(both, tmp_path / "alone"), make_job(both, tmp_path / "spread")
    list(score_in_turn(alone, found))
    assert [outcome.error for outcome in score_on_cluster(spread, found, cluster.scheduler_address)] == [None, None]
    assert parts_of(tmp_path / "spread") == parts_of(tmp_path / "alone")


def test_what_cannot_be_sent_is_an_error(exports, cluster, scorer, tmp_path):
    job = make_job(Scorer(scorer.model, careful=threading.Lock()), tmp_path / "out")
    with pytest.raises(DataError, match="--engine dask: cannot be sent to workers. Found: .*Leave --careful out, or use --engine local."):
        list(score_on_cluster(job, find_partitions([str(exports)], Options()), cluster.scheduler_address))


def test_a_scheduler_that_is_not_there_is_an_error(exports, scorer, tmp_path, monkeypatch):
    monkeypatch.setattr("servicenlp.cluster._PATIENCE", 1)
    with pytest.raises(DataError, match=r"--scheduler: cannot be reached. Found: .*Check the address 'tcp://127.0.0.1:9'."):
        list(score_on_cluster(make_job(scorer, tmp_path / "out"), find_partitions([str(exports)], Options()), "tcp://127.0.0.1:9"))


def test_ctrl_c_leaves_finished_parts_and_resume_makes_the_others(exports, model_folder, single, tmp_path):
    out = tmp_path / "out"
    known = ["-o", f"{out}/", "-m", str(model_folder), "--engine", "dask", "--workers", "2", "--quiet"]
    command = [sys.executable, "-m", "servicenlp", "score", f"{exports}/*.csv", *known]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    while not list((out / ".parts").glob("*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[1] == "Error: Stopped. What is done is kept: go on with --resume.\n"
    assert process.returncode == 1
    kept = {path: path.stat().st_mtime_ns for path in out.glob("part-*") if (out / ".parts" / f"{path.stem}.json").exists()}
    assert kept
    assert parts_of(out).items() <= parts_of(single[0]).items()
    subprocess.run([*command, "--resume"], check=True)
    assert parts_of(out) == parts_of(single[0])
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
