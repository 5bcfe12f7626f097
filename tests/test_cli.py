import csv
import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from servicenlp import __version__
from servicenlp.cli import main
from servicenlp.persistence import default_model

COLD = "The waiter was rude and the food was cold"
TABLE = f"id,text\n1,{COLD}\n2,Marta was lovely\n"
EXAMPLE = Path(__file__).parent.parent / "data" / "examples" / "tickets.csv"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder; a bug shows its traceback, as does an exit code that is not expected."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0, stdin=None):
        result = CliRunner().invoke(main, list(map(str, arguments)), input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def tickets(tmp_path) -> Path:
    (tmp_path / "tickets.csv").write_text(TABLE)
    return tmp_path / "tickets.csv"


def error_of(result) -> str:
    """The one line of an error."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "Traceback" not in result.stderr
    return lines[0]


def test_main_tells_its_version(run):
    assert run("--version").stdout == f"servicenlp, version {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_main_helps(run, flag):
    assert run(flag).stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sing"], "No such command 'sing'"),
        (["score"], "Missing argument 'FILES...'"),
        (["score", "a.csv", "--loud"], "No such option"),
        (["train", "a.csv"], "Missing option '-o'"),
    ],
)
def test_main_exits_with_2_for_wrong_usage(run, arguments, message):
    assert message in run(*arguments, code=2).stderr


def test_main_shows_an_error_as_one_line(run):
    assert error_of(run("score", "none.csv", code=1)) == "Error: none.csv: no such file. Found nothing there. Check the name."


def test_main_lets_a_bug_keep_its_traceback(run, tickets, model_folder, monkeypatch):
    def fail(*_args, **_named):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("servicenlp.streaming.score_files", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        run("score", tickets, "-m", model_folder)


def test_main_is_what_python_m_runs():
    shown = subprocess.run([sys.executable, "-m", "servicenlp", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"servicenlp, version {__version__}\n"


def test_score_writes_csv_to_stdout_and_notes_to_stderr(run, tickets, model_folder):
    result = run("score", tickets, "-m", model_folder)
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert [row[:2] for row in rows] == [line.split(",") for line in TABLE.splitlines()]
    assert "tickets.csv: CSV, utf-8, comma; one interaction a row: text 'text'" in result.stderr
    assert "2 rows: 2 scored, 0 skipped" in result.stderr


def test_score_writes_a_file_and_the_summary_to_stdout(run, tickets, model_folder, tmp_path):
    result = run("score", tickets, "-m", model_folder, "-o", "out.jsonl")
    assert result.stdout.startswith("2 rows: 2 scored, 0 skipped")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_score_quiet_says_nothing(run, tickets, model_folder):
    result = run("score", tickets, "-m", model_folder, "-o", "out.csv", "--quiet")
    assert result.output == ""


def test_score_refuses_to_overwrite_unless_forced(run, tickets, model_folder, tmp_path):
    (tmp_path / "out.csv").write_text("old")
    result = run("score", tickets, "-m", model_folder, "-o", "out.csv", code=1)
    assert error_of(result) == "Error: out.csv: is there already. Found a file. Choose another name or add --force."
    assert (tmp_path / "out.csv").read_text() == "old"
    run("score", tickets, "-m", model_folder, "-o", "out.csv", "--force")
    assert (tmp_path / "out.csv").read_text() != "old"


def test_score_refuses_to_overwrite_its_input(run, tickets, model_folder):
    run("score", tickets, "-m", model_folder, "-o", tickets, code=1)
    assert tickets.read_text() == TABLE


@pytest.mark.parametrize("folder", [False, True])
def test_score_never_overwrites_its_input(run, tickets, model_folder, folder):
    message = error_of(run("score", tickets.parent if folder else tickets, "-m", model_folder, "-o", tickets, "--force", code=1))
    assert message == f"Error: {tickets}: is the input. Found the same file. Choose another name with -o."
    assert tickets.read_text() == TABLE


def test_score_refuses_a_folder_as_output(run, tickets, model_folder, tmp_path):
    (tmp_path / "out").mkdir()
    assert "out: is a folder. Found no / at its end." in error_of(run("score", tickets, "-m", model_folder, "-o", "out", code=1))


@pytest.mark.parametrize("form", ["csv", "utf-16", "jsonl", "json"])
def test_score_reads_stdin(run, model_folder, form):
    rows = [{"id": "1", "text": COLD}, {"id": "2", "text": "Marta was lovely"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    stdin = {"csv": TABLE.encode(), "utf-16": TABLE.encode("utf-16"), "jsonl": lines.encode(), "json": json.dumps(rows).encode()}[form]
    result = run("score", "-", "-m", model_folder, "--quiet", stdin=stdin)
    assert [row[:2] for row in csv.reader(io.StringIO(result.stdout))] == [line.split(",") for line in TABLE.splitlines()]


def test_score_of_a_letter_from_stdin_twice_gives_the_same_bytes(run, model_folder):
    first, second = (run("score", "-", "-m", model_folder, "--quiet", stdin=COLD).stdout for _ in range(2))
    assert first == second


def test_inspect_names_files_as_people_know_them(run, tickets, tmp_path):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(tickets, "may/tickets.csv")
    (tmp_path / "tickets.csv.gz").write_bytes(gzip.compress(tickets.read_bytes()))
    assert run("inspect", tmp_path / "export.zip").output.startswith(f"{tmp_path}/export.zip/may/tickets.csv: CSV")
    assert run("inspect", tmp_path / "tickets.csv.gz").output.startswith(f"{tmp_path}/tickets.csv.gz: CSV")
    assert run("inspect", "-", stdin=TABLE).output.startswith("stdin: ")
    cut = gzip.compress(tickets.read_bytes())[:30]
    assert error_of(run("inspect", "-", code=1, stdin=cut)).startswith("Error: stdin: cannot be unpacked.")


def test_score_names_stdin_in_an_error(run, model_folder):
    assert "stdin: " in error_of(run("score", "-", "-m", model_folder, "--text-column", "none", code=1, stdin=TABLE))


def test_score_bears_half_an_emoji_on_stdout(run, model_folder, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "The food was cold \\ud83d and late"}\n')
    assert "cold" in run("score", "a.jsonl", "-m", model_folder, "--quiet").stdout


def test_score_takes_the_columns_prefix_and_choice_given(run, model_folder, tmp_path):
    (tmp_path / "a.csv").write_bytes(f"body~other\n{COLD}~caf\xe9 one two three four five six seven eight nine\n".encode("latin-1"))
    options = [
        "--text-column",
        "body",
        "--delimiter",
        "~",
        "--encoding",
        "latin-1",
        "--prefix",
        "x_",
        "--only",
        "basic",
        "--only",
        "criminal",
    ]
    rows = list(csv.DictReader(io.StringIO(run("score", "a.csv", "-m", model_folder, *options).stdout)))
    assert [row["other"][:4] for row in rows] == ["café"]
    assert rows[0]["x_status"] == "scored"


def test_score_refuses_an_unknown_choice(run, tickets, model_folder):
    assert "--only: no such level or flag. Found 'awful'." in error_of(run("score", tickets, "-m", model_folder, "--only", "awful", code=1))


def test_score_says_where_there_is_no_model(run, tickets):
    assert "none: not a model folder." in error_of(run("score", tickets, "-m", "none", code=1))


def test_score_gives_every_row_of_the_example_back(run):
    result = run("score", EXAMPLE, "--workers", 1)
    rows = list(csv.reader(io.StringIO(result.stdout)))
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        given = list(csv.reader(file))
    assert (len(rows), len(given)) == (321, 321)
    assert [row[: len(given[0])] for row in rows] == given
    assert "320 rows: 314 scored, 6 skipped" in result.stderr


def test_inspect_shows_what_was_detected_and_scores_nothing(run, tickets, monkeypatch):
    monkeypatch.setattr("servicenlp.scoring.Scorer.score", None)
    shown = run("inspect", tickets, EXAMPLE).stdout
    assert "tickets.csv: CSV, utf-8, comma\n  2 rows, 2 columns\n  export  one interaction a row\n  text column  'text'\n" in shown
    assert "  320 rows, 15 columns\n  export  one interaction a row\n  text column  'Description'\n" in shown


def test_explain_shows_the_level_and_the_words(run, model_folder):
    shown = run("explain", COLD, "-m", model_folder).stdout
    assert shown.startswith("Level ")
    assert "What speaks for level" in shown


def test_explain_reads_stdin_and_prints_json(run, model_folder):
    described = json.loads(run("explain", "-", "-m", model_folder, "--json", "--target", "mindset", stdin=COLD).stdout)
    assert (described["text"], described["explained"]["target"]) == (COLD, "mindset")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([""], "Text: nothing to explain. Found ''."), ([COLD, "--target", "mood"], "--target: no such target. Found 'mood'.")],
)
def test_explain_says_what_is_wrong(run, model_folder, arguments, message):
    assert message in error_of(run("explain", *arguments, "-m", model_folder, code=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["label", "in.csv", "-o", "out.foo"], "out.foo: no such output format. Found '.foo'."),
        (["report", "in.csv", "-o", "out.pdf"], "out.pdf: no such output format. Found '.pdf'. End the name in .html"),
        (
            ["exchange", "in.csv", "--to", "argilla", "-o", "out.csv"],
            "out.csv: no such output format. Found '.csv'. End the name in .json",
        ),
        (["trend", "in.csv", "--date", "day", "-o", "nowhere/out.csv"], "nowhere/out.csv: cannot be written. Found no folder 'nowhere'."),
        (["audit", "in.csv", "-o", "."], ".: is a folder."),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("text\nlate again\n")
    assert message in error_of(run(*arguments, code=1))


@pytest.mark.parametrize("arguments", [("score", ""), ("score", EXAMPLE, "-o", ""), ("inspect", ""), ("evaluate", "")])
def test_an_empty_name_is_not_the_current_folder(run, arguments):
    assert "the name is empty. Name a file." in run(*arguments, code=2).stderr


def test_a_dash_is_standard_output(run, model_folder):
    shown = [run("score", EXAMPLE, "-m", model_folder, "--quiet", *option).stdout for option in ([], ["-o", "-"])]
    assert shown[0] == shown[1]
    assert shown[0].startswith("Ticket ID,")


def test_evaluate_prints_figures(run, model_folder):
    data = Path(__file__).parent / "interactions.jsonl"
    assert run("evaluate", data, "-m", model_folder).stdout.startswith("60 interactions\n")
    assert json.loads(run("evaluate", data, "-m", model_folder, "--json").stdout)["level accuracy"] > 0.5
    assert "'mood'" in error_of(run("evaluate", data, "-m", model_folder, "--by", "mood", code=1))


def test_evaluate_tells_what_the_model_has_learnt_from(run):
    shown = run("evaluate", EXAMPLE.parents[1] / "stories.jsonl").stdout
    assert "The model has learnt from stories: its figures are too good here." in shown


@pytest.fixture
def labelled(tmp_path) -> Path:
    rows = [f"{word} meal here,{level}" for level, word in ((1, "awful"), (4, "good")) for _ in range(6)]
    (tmp_path / "labelled.csv").write_text("\n".join(["text,level", *rows]))
    return tmp_path / "labelled.csv"


@pytest.fixture
def _one_process(monkeypatch):
    from servicenlp import training

    whole = training.train
    monkeypatch.setattr(training, "train", lambda *arguments, **options: whole(*arguments, **options, n_jobs=1))


@pytest.mark.usefixtures("_one_process")
def test_train_writes_a_model_and_refuses_to_overwrite_it(run, labelled, tmp_path):
    assert "mine: mine-" in run("train", labelled, "-o", "mine").stdout
    before = (tmp_path / "mine" / "card.json").read_text()
    run("train", labelled, "-o", "mine")  # the same data make the same model: nothing is lost
    assert (tmp_path / "mine" / "card.json").read_text() == before
    labelled.write_text("".join(labelled.read_text().splitlines(keepends=True)[:-1]))
    message = "mine: is there already. Found a model learnt from other data."
    assert message in error_of(run("train", labelled, "-o", "mine", code=1))
    run("train", labelled, "-o", "mine", "--force")
    assert (tmp_path / "mine" / "card.json").read_text() != before


@pytest.mark.usefixtures("_one_process")
def test_train_model_of_levels_alone_can_score_and_explain(run, labelled, tickets):
    run("train", labelled, "-o", "mine")
    assert "awful" in run("explain", "awful meal", "-m", "mine").stdout
    assert len(run("score", tickets, "-m", "mine", "--quiet").stdout.splitlines()) == 3


@pytest.mark.usefixtures("_one_process")
def test_train_leaves_bad_lines_out_when_told(run, labelled):
    labelled.write_text(labelled.read_text() + "\nmeal,9\n")
    assert "1 bad lines" in error_of(run("train", labelled, "-o", "mine", code=1))
    assert "Left out: labelled.csv, line 14: level '9'" in run("train", labelled, "-o", "mine", "--skip-bad").stderr


def test_train_refuses_a_folder_of_other_files(run, labelled, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    message = "Error: photos: not a model folder. Found other files in it. Choose a new folder."
    assert error_of(run("train", labelled, "-o", "photos", code=1)) == message
    assert error_of(run("train", labelled, "-o", "photos", "--force", code=1)) == message


def test_train_refuses_a_file_as_its_folder(run, labelled):
    assert "labelled.csv: " in error_of(run("train", labelled, "-o", labelled, code=1))


def test_models_lists_what_is_there(run, model_folder):
    shown = run("models", model_folder.parent).stdout
    assert shown.splitlines()[0].startswith(str(default_model()))
    assert f"{model_folder}  small-" in shown


def test_models_without_a_folder_lists_the_shipped_ones(run):
    assert len(run("models").stdout.splitlines()) == 2


def test_score_ends_quietly_when_its_reader_has_gone(tickets, model_folder):
    command = f'"{sys.executable}" -m servicenlp score "{EXAMPLE}" -m "{model_folder}" --quiet | head -c 10'
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert len(shown.stdout) == 10
    assert shown.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("command", ["score", "inspect"])
def test_standard_output_that_is_full_gives_one_line(tmp_path, command):
    (tmp_path / "a.csv").write_text(TABLE)
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "servicenlp", command, tmp_path / "a.csv"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert process.returncode == 1
    assert "Error: Cannot write. Found: No space left on device. Free some space." in process.stderr
    assert "Traceback" not in process.stderr
