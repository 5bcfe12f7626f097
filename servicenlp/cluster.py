"""Partitions to parts on many machines or cores, by Dask: https://distributed.dask.org."""

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, KilledWorker, LocalCluster, WorkerPlugin, as_completed, get_worker

from servicenlp.errors import DataError
from servicenlp.partitions import Job, Outcome, Partition, failed

_PATIENCE = 60  # seconds for the first worker to come
_TRIES = 3  # of a partition whose file could not be fetched or brought


def score_on_cluster(job: Job, partitions: Sequence[Partition], scheduler: str | None = None, workers: int = 1) -> Iterator[Outcome]:
    """Score partitions in the processes of a Dask cluster, in whichever order they end.

    The model goes to each worker once, also to those that come later or are started anew. The
    partition of a worker that was lost is scored by another; one that ends three is given up.

    Parameters
    ----------
    job : Job
        What is done with each. Paths in it must lead to the same files on every machine.
    partitions : sequence of Partition
        Which.
    scheduler : str, optional
        The address of a running scheduler, such as "tcp://10.0.0.1:8786". By default a cluster is
        made on this machine, for as long as it is needed, which only this machine can reach.
    workers : int
        Processes of that cluster.

    Raises
    ------
    DataError
        If the scheduler cannot be reached, or its workers cannot score.
    """
    with _connect(scheduler, min(workers, len(partitions))) as client, _shipped(client, job, own=scheduler is None) as name:
        tasks = {
            client.submit(_run, name, partition, key=f"{name}-{partition.part}", pure=False, retries=_TRIES - 1): partition
            for partition in partitions
        }
        for task in as_completed(tasks, loop=client.loop):
            partition = tasks.pop(task)
            try:
                yield task.result()
            except KilledWorker:
                yield failed(partition, "ended every worker that scored it. Found no cause. Give workers more memory, or split the file")
            except OSError as error:
                yield failed(partition, f"cannot be fetched or brought. Found: {error}. Check the store and your access")
            task.release()  # the scheduler need not remember it


def _run(name: str, partition: Partition) -> Outcome:
    """Score a partition in a worker."""
    shipped: Any = get_worker().plugins[name]
    return shipped.job.run(partition)


class _Shipped(WorkerPlugin):  # type: ignore[misc]
    """What a worker keeps: Dask sends a plugin to each worker, at once or when it comes."""

    def __init__(self, job: Job, own: bool) -> None:
        self.job, self.own = job, own

    def setup(self, worker: Any) -> None:
        """Let our own workers leave Ctrl-C, which a terminal sends to all, to the process that ends them."""
        if self.own:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _shipped(client: Client, job: Job, own: bool) -> Iterator[str]:
    """Send the job with its model to the workers, and take it away at the end; yield its name there."""
    name = f"servicenlp-{uuid4().hex}"
    try:
        client.register_plugin(_Shipped(job, own), name=name)
    except TypeError as error:
        raise DataError(f"--engine dask: cannot be sent to workers. Found: {error}. Leave --careful out, or use --engine local.") from error
    except (ImportError, AttributeError) as error:
        raise DataError(f"--scheduler: its workers cannot score. Found: {error}. Install this servicenlp on each of them.") from error
    try:
        yield name
    finally:
        client.unregister_worker_plugin(name)


@contextmanager
def _connect(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a cluster, or make one."""
    if scheduler:
        try:
            client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DataError(f"--scheduler: cannot be reached. Found: {error}. Check the address {scheduler!r}.") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError as error:
                raise DataError(f"{scheduler}: no workers. Found none in {_PATIENCE} s. Start some: dask worker {scheduler}.") from error
            yield client
        return
    quiet: dict[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    local: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}
    with (
        dask.config.set(quiet),
        LocalCluster(n_workers=max(1, workers), threads_per_worker=1, silence_logs=logging.CRITICAL, **local) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
