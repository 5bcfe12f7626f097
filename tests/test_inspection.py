from servicenlp import inspection
from servicenlp.readers import open_source


def test_inspect_tells_what_would_be_scored(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text("id,text,team\n1,The waiter was rude,a\n2,,a\n", encoding="utf-8")
    lines = inspection.inspect(open_source(path)).splitlines()
    assert lines[0].endswith("tickets.csv: CSV, utf-8, comma")
    assert "  2 rows, 3 columns" in lines
    assert "  text column  'text'" in lines
    assert "  other columns  id, team" in lines
    assert "  to be scored  1, of them 0 conversations" in lines
    assert "  1 skipped: no text" in lines
    assert "  e.g. 'The waiter was rude'" in lines
