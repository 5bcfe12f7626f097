import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from servicenlp import partitions
from servicenlp.cli import main
from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.partitions import Job, Outcome, Partition, begin, end, find_partitions, merge, score_in_turn
from servicenlp.scoring import Scorer
from servicenlp.streaming import Choices
from servicenlp.summary import Summary

CHOICES = Choices()


@pytest.fixture
def exports(tmp_path, learned) -> Path:
    """Three exports of forty rows, one of them with a row that is skipped."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(3):
        rows = [{"id": f"{i}-{k}", "text": text} for k, text in enumerate(learned["text"][40 * i : 40 * i + 40])]
        pd.DataFrame([*rows, {"id": "none", "text": ""}][i // 2 :]).to_csv(folder / f"{i}.csv", index=False)
    return folder


@pytest.fixture
def score(tmp_path, model_folder, monkeypatch):
    """Run the command in `tmp_path`; return what it wrote to standard output, and to standard error."""
    monkeypatch.chdir(tmp_path)

    def score(*arguments, code=0):
        result = CliRunner().invoke(main, ["score", *map(str, arguments), "-m", str(model_folder), "--workers", "1"])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return score


@pytest.fixture
def job(tmp_path, model) -> Job:
    begin(str(tmp_path / "out"), force=False, resume=False)
    return Job(Scorer(model), str(tmp_path / "out"), CHOICES, Options(), {"model": "small"})


def rows_of(folder: Path) -> bytes:
    """The rows of all parts in their order, under one header."""
    parts = [path.read_bytes().split(b"\r\n", 1) for path in sorted(folder.glob("part-*"))]
    assert len({header for header, _ in parts}) == 1
    return b"\r\n".join([parts[0][0], b"".join(rows for _, rows in parts)])


def test_parts_hold_what_one_file_would(exports, score, tmp_path):
    whole = score("in", "-o", "whole.csv")
    parts = score("in", "-o", "out/")
    assert rows_of(tmp_path / "out") == (tmp_path / "whole.csv").read_bytes()
    assert parts.stdout == whole.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".parts", "part-00000.csv", "part-00001.csv", "part-00002.csv"]


@pytest.mark.parametrize("place", ["in", "in/*.csv", "in/[0-2].?sv", "file://{}/in/*.csv"])
def test_folders_patterns_and_addresses_name_the_same_files(exports, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    found = find_partitions([place.format(tmp_path)], Options())
    assert [partition.source for partition in found] == [str(exports / f"{i}.csv") for i in range(3)]
    assert [partition.part for partition in found] == ["part-00000.csv", "part-00001.csv", "part-00002.csv"]


def test_a_name_with_an_asterisk_may_be_a_file(tmp_path):
    (tmp_path / "a*.csv").write_text("text\nlate again\n")
    (tmp_path / "ab.csv").write_text("text\nlate again\n")
    assert [partition.source for partition in find_partitions([str(tmp_path / "a*.csv")], Options())] == [str(tmp_path / "a*.csv")]


@pytest.mark.parametrize(
    ("name", "part"),
    [("a.jsonl", "part-00000.jsonl"), ("a.json", "part-00000.jsonl"), ("a.TSV.gz", "part-00000.tsv"), ("a.mbox", "part-00000.csv")],
)
def test_a_part_ends_as_its_input_where_that_can_be_written(tmp_path, name, part):
    (tmp_path / name).write_text("")
    assert find_partitions([str(tmp_path / name)], Options())[0].part == part


@pytest.mark.parametrize("place", ["nothing.csv", "nothing/*.csv", "memory://nothing/*.csv"])
def test_nothing_found_is_an_error(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no files to score. Found nothing there. Check the name."):
        find_partitions([place], Options())


def test_an_unknown_store_is_an_error():
    with pytest.raises(DataError, match="nostore://a/b.csv: cannot be reached. Found: Protocol not known: nostore"):
        find_partitions(["nostore://a/b.csv"], Options())


def test_remote_files_become_remote_parts(exports, job, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(exports), "/bucket/in", recursive=True)
    remote = Job(job.scorer, "memory://bucket/out", job.choices, job.options, job.task)
    begin(remote.folder, force=False, resume=False)
    there = find_partitions(["memory://bucket/in/*.csv"], Options())
    assert [partition.source for partition in there] == [f"memory:///bucket/in/{i}.csv" for i in range(3)]
    outcomes = list(score_in_turn(remote, there))
    list(score_in_turn(job, find_partitions([str(exports)], Options())))
    for partition in there:
        assert memory.cat(f"/bucket/out/{partition.part}") == (tmp_path / "out" / partition.part).read_bytes()
    assert [remote.done(partition).summary for partition in there] == [outcome.summary for outcome in outcomes]
    assert sorted(memory.ls("/bucket/out", detail=False)) == ["/bucket/out/.parts", *(f"/bucket/out/{one.part}" for one in there)]


def test_a_big_parquet_file_is_split_at_row_groups(tmp_path, learned, score, monkeypatch):
    texts = learned["text"].head(100).tolist()
    pq.write_table(pa.table({"id": range(100), "text": texts}), tmp_path / "in.parquet", row_group_size=15)
    monkeypatch.setattr(partitions, "SPLIT", 40)
    found = find_partitions([str(tmp_path / "in.parquet")], Options())
    assert [partition.groups for partition in found] == [(0, 2), (2, 4), (4, 7)]
    score("in.parquet", "-o", "whole.parquet")
    score("in.parquet", "-o", "out/")
    parts = pa.concat_tables(pq.read_table(path) for path in sorted((tmp_path / "out").glob("*.parquet")))
    assert parts.equals(pq.read_table(tmp_path / "whole.parquet"))


def test_messages_of_one_interaction_are_not_split(tmp_path, monkeypatch):
    rows = [{"conversation_id": k // 4, "author_type": "user" if k % 2 else "admin", "body": f"message {k} is here"} for k in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet", row_group_size=10)
    monkeypatch.setattr(partitions, "SPLIT", 10)
    assert [partition.groups for partition in find_partitions([str(tmp_path / "in.parquet")], Options())] == [None]


def test_resume_does_again_only_what_is_missing(exports, score, tmp_path):
    whole = score("in", "-o", "out/")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").glob("part-*")}
    (tmp_path / "out" / "part-00001.csv").unlink()
    assert score("in", "-o", "out/", "--resume").stdout == whole.stdout
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").glob("part-*")}
    assert {name: content for name, (content, _) in after.items()} == {name: content for name, (content, _) in before.items()}
    assert [name for name in before if before[name] != after[name]] == ["part-00001.csv"]


def test_resume_does_not_trust_a_record_cut_short(exports, job):
    partition = find_partitions([str(exports)], Options())[0]
    job.run(partition)
    record = Path(job.folder, ".parts", "part-00000.json")
    record.write_text(record.read_text()[:-10])
    assert job.done(partition) is None


def test_resume_refuses_parts_of_another_run(exports, score):
    score("in", "-o", "out/")
    with (exports / "1.csv").open("a") as file:
        file.write("more,It was late\n")
    refused = score("in", "-o", "out/", "--resume", code=1)
    assert "part-00001.csv: cannot go on. Found a run of other input. Leave out --resume to begin anew." in refused.stderr
    assert "Found a run of other options." in score("in", "-o", "out/", "--resume", "--only", "criminal", code=1).stderr


def test_force_leaves_no_part_of_an_earlier_run(exports, score, tmp_path):
    score("in", "-o", "out/")
    (tmp_path / "out" / "notes.md").write_text("mine")
    refused = score("in/0.csv", "-o", "out/", code=1)
    assert "out: is there already. Found a folder with files. Choose another name or add --force." in refused.stderr
    score("in/0.csv", "-o", "out/", "--force")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".parts", "notes.md", "part-00000.csv"]
    assert [path.name for path in (tmp_path / "out" / ".parts").iterdir()] == ["part-00000.json"]


def test_parts_never_take_the_place_of_their_inputs(score, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "part-00000.csv").write_text("text\nThe waiter was rude\n")
    refused = score("in", "-o", "in/", "--force", code=1)
    assert refused.stderr.startswith(f"Error: {tmp_path}/in: holds inputs. Found {tmp_path}/in/part-00000.csv.")
    assert (tmp_path / "in" / "part-00000.csv").exists()


def test_a_run_that_came_to_nothing_is_not_in_the_way(exports, score, tmp_path):
    (exports / "1.csv").write_text("")
    score("in/1.csv", "-o", "out/", code=1)
    score("in/0.csv", "-o", "out/")
    assert (tmp_path / "out" / "part-00000.csv").exists()


def test_what_fails_leaves_the_other_parts(exports, score, tmp_path):
    (exports / "1.csv").write_text("")
    failed = score("in/*.csv", "-o", "out/", code=1)
    assert failed.stderr.endswith(f"Error: {exports}/1.csv: the file is empty. Found no header. Export it again. "
                                  "The other parts are kept: go on with --resume.\n")  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").glob("part-*")) == ["part-00000.csv", "part-00002.csv"]
    (exports / "1.csv").write_text("id,text\n1,Late again and nobody cares\n")
    assert score("in/*.csv", "-o", "out/", "--resume").stdout.startswith("82 rows: ")


def test_end_removes_what_was_half_written(tmp_path):
    for name in (".part-00000.csv.x1", "part-00000.csv", ".hidden"):
        (tmp_path / name).write_text("")
    end(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "part-00000.csv"]


def test_merge_counts_as_one_run_would():
    first = Outcome(Partition("a", "part-00000.csv"), Summary(n_rows=10, worst=[(0.9, -3, "worse")]))
    second = Outcome(Partition("b", "part-00001.csv"), Summary(n_rows=5, worst=[(0.95, -1, "worst")]))
    assert merge([second, first]) == Summary(n_rows=15, worst=[(0.95, -11, "worst"), (0.9, -3, "worse")])


def test_records_say_what_a_part_was_made_of(exports, job):
    partition = find_partitions([str(exports)], Options())[0]
    outcome = job.run(partition)
    record = json.loads(Path(job.folder, ".parts", "part-00000.json").read_text())
    assert record["model"] == "small"
    assert record["input"][:2] == [str(exports / "0.csv"), (exports / "0.csv").stat().st_size]
    assert Summary.restored(record["summary"]) == outcome.summary


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler: is for --engine dask. Found another engine."),
        (["--engine", "dask"], "--engine dask: needs a folder to write to. Found no -o. Add -o scored/."),
        (["s3://bucket/a.csv", "-o", "a.csv"], "s3://bucket/a.csv: a remote file. Found no folder to write to. Add -o scored/."),
        (["-o", "in/0.csv/"], "0.csv: not a folder. Found a file."),
        (["-o", "in/0.csv/x/"], "cannot be written. Found: "),
    ],
)
def test_options_that_do_not_go_together(exports, score, arguments, message):
    assert message in score("in", *arguments, code=1).stderr


def test_standard_input_does_not_go_into_a_folder(score):
    assert "-: cannot go into a folder. Found standard input." in score("-", "-o", "out/", code=1).stderr
