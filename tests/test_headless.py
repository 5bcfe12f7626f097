import csv

import pytest

from servicenlp.formats import Options, read_table
from servicenlp.formats.headless import is_headless
from servicenlp.readers import open_source


def table(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


@pytest.mark.parametrize(
    "text",
    [
        "0,1467,Mon Apr 06 22:19:45 PDT 2009,NO_QUERY,tom,my bag is still at the airport\n"
        "4,1468,Mon Apr 06 22:19:49 PDT 2009,NO_QUERY,ann,what a lovely crew on board",
        "negative,The food was cold\npositive,We loved it all\nnegative,Nobody came to us\nnegative,It was far too loud",
        "The food was cold and nobody cared.\nWe loved the whole evening.\nToo loud for us.",
        "1,The tap drips\n2,Nobody came to mend it",
        "ann@example.com,the tap drips again\nben@example.com,nobody came to mend it",
        '2025-01-05,"The tap drips, again."\n2025-01-06,"Nobody came, at all."',
    ],
)
def test_a_table_without_header_is_known(text):
    assert is_headless(table(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id,text\n1,The tap drips",
        "id,text",
        "stars,what happened\n4,The tap drips\n3,Nobody came to mend it",
        "Timestamp,What could we have done better?\n2025-01-05,The tap drips all night",
        "Please tell us in your own words what we could do better next time\nThe tap drips all night.\nAll was well.",
        "0,1\n7,The tap drips\n9,Nobody came to mend it",
        "2019,2020,2021\n4,5,6\n7,8,9",
        "Kunde,Meldung\nAnna,Der Hahn tropft die ganze Nacht\nBerta,Niemand kam",
        "Q1. How was your stay?,Q2. Why?\n5,The tap drips all night\n4,Nobody came to mend it",
        "番号,内容\n1,荷物がまだ届きません。\n2,とても親切でした。",
    ],
)
def test_a_header_is_believed(text):
    assert not is_headless(table(text))


def test_a_table_without_header_keeps_its_first_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("\n1,The tap drips all night\n2,Nobody came to mend it\n")
    found = read_table(path, Options())
    assert (found.columns, found.n_rows, found.form) == (["(column 1)", "(column 2)"], 2, "CSV, utf-8, comma, no header")
    assert [row for row, _ in found.walk()] == [["1", "The tap drips all night"], ["2", "Nobody came to mend it"]]
    assert list(found.lines()) == [2, 3]
    assert open_source(path).shape.text_column == "(column 2)"
