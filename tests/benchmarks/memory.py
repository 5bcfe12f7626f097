"""How much memory scoring takes, and that it does not grow with the rows.

A CSV of many rows is written to a temporary folder, scored by ``servicenlp score`` in a process of its
own, and deleted. Printed are the peak resident memory of that process and of each of its workers (what
``/usr/bin/time -v`` calls "maximum resident set size"), the most that all took together (pages that
forked processes share are counted once), how much that was in each tenth of the run, and the
rows per second, reading and writing included. On a busy machine look at the processor time instead of
the seconds: it tells what a billion rows cost.

Run (Linux; 5,000,000 rows take 4 GB of disk and, on two cores, about five minutes)::

    python tests/benchmarks/memory.py --rows 5000000
"""

import csv
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click

DATA = Path(__file__).parents[2] / "data"
TEAMS = ("north", "south", "east", "west")
SEED = 0
PAUSE = 0.25  # seconds from one look to the next


class Look(NamedTuple):
    """What the processes took at a time, in bytes.

    Attributes
    ----------
    at : float
        Seconds since the start.
    peaks : dict of int to int
        By process, the most that has been resident so far.
    together : int
        What is resident now, shared pages counted once.
    """

    at: float
    peaks: dict[int, int]
    together: int


@click.command()
@click.option("--rows", default=5_000_000, show_default=True, help="Rows of the CSV.")
@click.option("--workers", default=os.cpu_count(), show_default=True, help="Processes that score.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="Where the CSV goes for the time being.")
def main(rows: int, workers: int, folder: Path | None) -> None:
    """Measure the memory that scoring a big CSV takes."""
    with TemporaryDirectory(dir=folder) as name:
        export, scored = Path(name) / "export.csv", Path(name) / "scored.csv"
        words = write_rows(export, rows)
        click.echo(f"{rows:,} rows of {words:.1f} words on average, {export.stat().st_size >> 20:,} MB; {workers} workers", err=True)
        command = [sys.executable, "-m", "servicenlp", "score", str(export), "-o", str(scored), "--workers", str(workers), "--quiet"]
        process = subprocess.Popen(command)
        looks = watch(process)
        if process.returncode:
            raise click.ClickException(f"the command ended with {process.returncode}")
        written = count_rows(scored)
    if written != rows:
        raise click.ClickException(f"{written:,} rows came out of {rows:,}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    click.echo(render(process.pid, looks, rows, used.ru_utime + used.ru_stime))


def write_rows(path: Path, rows: int) -> float:
    """Write rows drawn from the training texts, two whole ones a row; return the mean number of words."""
    texts = [json.loads(line)["text"] for file in sorted(DATA.glob("*.jsonl")) for line in file.open(encoding="utf-8")]
    drawn = random.Random(SEED)
    words = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "date", "team", "text"])
        for number in range(1, rows + 1):
            text = " ".join(drawn.choices(texts, k=2))
            words += text.count(" ") + 1
            out.writerow([number, f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}", drawn.choice(TEAMS), text])
    return words / rows


def watch(process: subprocess.Popen[bytes]) -> list[Look]:
    """Look at a process and those it has begun until it ends."""
    began = time.monotonic()
    looks: list[Look] = []
    while process.poll() is None:
        pids = [process.pid, *children(process.pid)]
        taken = {pid: kilobytes(f"/proc/{pid}/status", "VmHWM:") for pid in pids}
        together = sum(kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids)
        looks.append(Look(time.monotonic() - began, {pid: kb << 10 for pid, kb in taken.items() if kb}, together << 10))
        time.sleep(PAUSE)
    return looks


def children(pid: int) -> list[int]:
    """Return the processes that a process has begun."""
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []  # it has ended


def kilobytes(path: str, name: str) -> int:
    """Return a figure that the kernel tells of a process; 0 if it has ended."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def count_rows(path: Path) -> int:
    """Return the number of rows below the header."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def render(parent: int, looks: list[Look], rows: int, processor: float) -> str:
    """Return what was seen, for people."""
    seconds = looks[-1].at
    peaks = {pid: max(look.peaks.get(pid, 0) for look in looks) for pid in {pid for look in looks for pid in look.peaks}}
    lines = [f"{'process':<22}{'peak MB':>9}", f"{'parent':<22}{peaks.pop(parent) / 2**20:>9.0f}"]
    lines += [f"{f'worker {i}':<22}{peak / 2**20:>9.0f}" for i, peak in enumerate(peaks.values(), 1)]
    lines += [f"{'together':<22}{max(look.together for look in looks) / 2**20:>9.0f}", ""]
    tenths = [max((look.together for look in looks if k <= 10 * look.at / seconds <= k + 1), default=0) for k in range(10)]
    lines += ["together, MB by tenths of the run: " + " ".join(f"{tenth / 2**20:.0f}" for tenth in tenths)]
    lines += [f"{rows:,} rows in {seconds:,.0f} s: {rows / seconds:,.0f} rows a second"]
    hours = 1e9 * processor / rows / 3600
    lines += [f"{processor:,.0f} s of processor time: {rows / processor:,.0f} rows a core second, {hours:,.0f} core hours a billion"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
