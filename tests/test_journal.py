from pathlib import Path

import pytest

from servicenlp.errors import DataError
from servicenlp.journal import Journal, describe_files

TASK = {"model": "a", "inputs": [["in.csv", 3, 4]]}


@pytest.fixture
def output(tmp_path):
    output = tmp_path / "out.csv"
    journal = Journal(output, TASK)
    journal.open()
    journal.part.write_bytes(b"x" * 100)
    journal.commit(4, 40, {"n": 1})
    journal.commit(4, 80, {"n": 2})
    journal.close()
    return output


def test_journal_goes_on_where_it_ended(output):
    journal = Journal(output, TASK, resume=True)
    assert (journal.rows, journal.bytes, journal.state) == (8, 80, {"n": 2})


def test_journal_begins_anew_unless_asked(output):
    journal = Journal(output, TASK)
    assert (journal.rows, journal.bytes, journal.state) == (0, 0, None)


def test_journal_bears_a_line_cut_short_and_goes_on_after_it(output):
    journal = Journal(output, TASK, resume=True)
    text = journal.path.read_text()
    journal.path.write_text(text[:-5])
    again = Journal(output, TASK, resume=True)
    assert (again.rows, again.bytes) == (4, 40)
    again.open()
    again.commit(2, 60, None)
    again.close()
    assert Journal(output, TASK, resume=True).rows == 6


def test_journal_trusts_no_bytes_that_are_not_there(output):
    Journal(output, TASK).part.write_bytes(b"x" * 50)
    assert Journal(output, TASK, resume=True).bytes == 40


@pytest.mark.parametrize("lost", ["part", "path"])
def test_journal_begins_anew_where_a_file_is_gone(output, lost):
    getattr(Journal(output, TASK), lost).unlink()
    assert Journal(output, TASK, resume=True).rows == 0


def test_journal_refuses_another_task(output):
    with pytest.raises(DataError, match=r"out.csv: cannot go on. Found a run of other model. Leave out --resume to begin anew.$"):
        Journal(output, TASK | {"model": "b"}, resume=True)


def test_journal_vanishes_with_the_end(output):
    journal = Journal(output, TASK, resume=True)
    journal.finish()
    assert not journal.path.exists()


def test_describe_files_tells_a_changed_file(tmp_path):
    (tmp_path / "a").write_text("1")
    before = describe_files(tmp_path / "a")
    (tmp_path / "a").write_text("12")
    assert describe_files(tmp_path / "a") != before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_journal_closes_on_a_full_disk(output):
    journal = Journal(output, TASK, resume=False)
    journal.path = Path("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        journal.open()
    journal.close()
