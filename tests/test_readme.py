"""What the README tells to type for one's own words is typed here."""

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from servicenlp.cli import main

ROOT = Path(__file__).parent.parent


def test_the_commands_for_ones_own_words_run(tmp_path, monkeypatch):
    section = re.split(r"^## ", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.M)
    told = next(part for part in section if part.startswith("Your own words"))
    commands = [shlex.split(line, comments=True)[1:] for line in told.split("```")[1].splitlines()[1:]]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("data", "tests", "models/default"):
        (tmp_path / name).symlink_to(ROOT / name)
    for command in commands:
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, (command, result.output)
    assert len(commands) == 7
    assert {"mine", "both"} <= {path.name for path in (tmp_path / "models").iterdir()}
