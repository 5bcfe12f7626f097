import pytest

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.readers import open_source
from servicenlp.readers.guess import choose_text_column, count_words, is_reply, side_of
from servicenlp.scoring import why_skipped

WORDS = ["The tap drips all night", "Nobody came to mend it", "Quick and friendly people here"]
LONG = [
    "Tenant is known to us and has complained in many earlier years about all sorts of things",
    "Called back twice, left a message with the daughter, awaiting the report of the plumber now",
    "Nothing to do here, closed at once after a look at the history of the flat and the lease",
]
LINKS = [f"https://help.example.com/tickets/{i}?view=all&from=mail" for i in range(3)]
DATA = [f'{{"id": {i}, "words": "a structure with a lot of words in it that nobody ever wrote"}}' for i in range(3)]
PAGES = [f"<div class='body'><p>{words}</p><p>Sent from a phone somewhere in the north</p></div>" for words in WORDS]
PRODUCTS = ["Tap, chrome, with ceramic valves and two years of warranty on all the moving parts"] * 3


def rows(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def chosen(**columns: list) -> str:
    named = {name.replace("_", " ") if " " not in name else name: cells for name, cells in columns.items()}
    return choose_text_column("a.csv", list(named), rows(named))


@pytest.mark.parametrize(
    "name",
    [
        "text", "Description", "comment", "Message", "ReviewText", "customer_message", "Consumer complaint narrative", "Beschreibung",
        "Kommentar", "Nachricht", "Commentaire", "Avis", "Descripción", "Mensaje", "Comentarios", "Reseña", "Commento", "Messaggio",
        "Recensione", "Opmerking", "Bericht", "Omschrijving", "Descrição", "Mensagem", "Comentário", "Avaliação", "Opis", "Wiadomość",
        "Komentarz", "Treść", "本文", "コメント", "レビュー", "お問い合わせ内容", "口コミ",
        "Beskrivning", "What could we have done better?",
        "Was können wir besser machen?", "どうすればもっと良くなりますか？", "Feedback (optional)", "Tell us about your visit today",
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_the_customers_words_win_over_what_is_longer(name, first):
    noise = {"Internal notes": LONG, "url": LINKS, "payload": DATA, "body_html": PAGES, "Product description": PRODUCTS, "AI summary": LONG}
    columns = {name: WORDS} | noise if first else noise | {name: WORDS}
    assert choose_text_column("a.csv", list(columns), rows(columns)) == name


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"subject": ["Tap"] * 3, "whatever": WORDS}, "whatever"),
        ({"question": WORDS, "answer": LONG}, "question"),
        ({"question": ["How was it?"] * 3, "answer": WORDS}, "answer"),
        ({"query": WORDS, "response": LONG}, "query"),
        ({"score": ["1", "2", "3"], "response": WORDS}, "response"),
        ({"description": WORDS, "resolution": LONG}, "description"),
        ({"review": WORDS, "owner response": LONG}, "review"),
        ({"comment": ["", "", "x y z"] + [""] * 27, "review": [f"{words} {i}" for i, words in enumerate(WORDS * 10)]}, "review"),
        ({"notes": LONG, "complaint": WORDS}, "complaint"),
        ({"notes": WORDS, "id": ["1", "2", "3"]}, "notes"),
        ({"title": WORDS, "id": ["1", "2", "3"]}, "title"),
        ({"body_html": PAGES, "id": ["1", "2", "3"]}, "body_html"),
        ({"agent": ["Ann Poe Jones", "Ben Ito Lee", "Cy Ode Way"], "zzz": WORDS}, "zzz"),
    ],
)
def test_choose_text_column_weighs_names_and_cells(columns, name):
    assert choose_text_column("a.csv", list(columns), rows(columns)) == name


@pytest.mark.parametrize("column", ["Internal notes", "Agent reply", "Developer Reply Text"])
def test_choose_text_column_does_not_take_the_companys_words(column):
    with pytest.raises(DataError, match=r"a.csv: no text column. Found 'id', .* Name it with --text-column."):
        choose_text_column("a.csv", ["id", column], rows({"id": ["1", "2", "3"], column: LONG}))


@pytest.fixture
def read(tmp_path):
    def read(content: str, **options) -> list:
        (tmp_path / "a.csv").write_text(content)
        batch = next(open_source(tmp_path / "a.csv", Options(**options)).batches(100))
        return [
            why_skipped(text, batch.turns.get(i) or [], batch.problems.get(i)) if not text else text for i, text in enumerate(batch.texts)
        ]

    return read


def test_the_customer_column_is_told_apart_from_the_agents(read):
    content = "a,b,agent_reply\nwhat we say to all people,My tap drips,We come\n"
    assert read(content, customer_column="b") == ["Customer: My tap drips\nAgent: We come"]


def test_a_missing_customer_column_is_named(read):
    with pytest.raises(DataError, match=r"a.csv: no column 'c'. Found 'a', 'b'. Name one of them with --customer-column."):
        read("a,b\n1,one two three\n", customer_column="c")


def test_the_text_column_alone_is_read_where_it_is_named(read):
    assert read("id,description,resolution\n1,My tap drips,We came on Monday\n", text_column="description") == ["My tap drips"]


def test_rows_with_the_same_id_are_one_where_both_columns_are_named(read):
    content = "id,what\n1,My tap drips\n1,It still does\n2,All is well here\n"
    assert read(content, id_column="id", text_column="what")[::2] == ["Customer: My tap drips\nCustomer: It still does", "All is well here"]


def test_a_transcript_beside_a_resolution_keeps_its_speakers(read):
    content = 'id,transcript,resolution\n1,"Customer: My tap drips\nAgent: I see.",A plumber was sent today\n'
    assert read(content) == ["Customer: My tap drips\nAgent: I see.\nAgent: A plumber was sent today"]


def test_a_title_that_begins_the_review_is_not_repeated(read):
    assert read("stars,title,review\n1,The tap dri...,The tap drips all night\n") == ["The tap drips all night"]


@pytest.mark.parametrize(("text", "words"), [("one two", 2), ("<p>one</p> two", 2), ("とても良い", 2.5), ("", 0)])
def test_count_words(text, words):
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Agent Reply", True),
        ("Resolution Notes", True),
        ("Antwort", True),
        ("回答", True),
        ("Customer response", False),
        ("Description", False),
    ],
)
def test_is_reply(name, expected):
    assert is_reply(name) is expected


@pytest.mark.parametrize(
    ("name", "side"), [("user_message", "customer"), ("agentResponse", "agent"), ("bot_reply", "bot"), ("message", None), ("agent", None)]
)
def test_side_of(name, side):
    assert side_of(name) == side
