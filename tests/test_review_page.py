"""The page without a browser: who is let in, what is shown, what is saved; each attack is tried."""

import csv
import json
import math
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")
pytest.importorskip("flask", reason="the extra 'review' is not installed")

from flask.testing import FlaskClient
from lxml import html

from servicenlp.errors import DataError
from servicenlp.explanation import Contribution
from servicenlp.review.app import make_app, open_socket
from servicenlp.review.conversation import AGAINST, EVIDENCE, FOR, Mark, lay_out, mark_evidence, mark_terms
from servicenlp.review.decisions import Verdict
from servicenlp.review.desk import Desk
from servicenlp.review.estimates import estimate
from servicenlp.review.items import Item
from servicenlp.review.queue import build_queue
from servicenlp.review.reasons import add_up
from servicenlp.review.scored import open_scored
from servicenlp.review.store import open_store

PORT, TOKEN = 4711, "a-token-of-the-tests"
HERE = f"http://127.0.0.1:{PORT}"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7 * 191 }}"
TICKETS = [
    ("T-1", "Customer: You promised Monday and <b>nobody</b> came.\nAgent: Sorry.\nCustomer: I want my money back!", 1, "email", "nobody"),
    ("T-2", f"{EVIL} The lamp is fine.", 3, "=HYPERLINK(1)", ""),
    ("T-3", "Slow, but it came.", 2, "email", "Slow"),
    ("T-4", "Just how I like it.", 4, "phone", "Just how I like it"),
    ("T-5", "The usual order, thanks.", 3, "email", ""),
    ("T-6", "The usual again, thanks.", 3, "email", ""),
]


def write_scored(path: Path, tickets=TICKETS) -> Path:
    """A scored file, as small as it can be."""
    levels = [f"service_p_level_{level}" for level in range(1, 7)]
    header = ["Id", "Words", "Channel", EVIL, "service_level", *levels, "service_delivery", "service_delivery_p", "service_evidence"]
    header += ["service_evidence_start", "service_evidence_end", "service_flags", "service_confidence", "service_status", "service_model"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for own, words, level, channel, quote in tickets:
            proba = [0.8713 if level == k else 0.0257 for k in range(1, 7)]
            start = words.index(quote) if quote else ""
            outcome = ["failed" if level < 3 else "none", 0.9371]
            spans = [quote, start, start + len(quote) if quote else ""]
            flags = "criminal" if level == 1 else ""
            writer.writerow([own, words, channel, EVIL, level, *proba, *outcome, *spans, flags, "high", "scored", "m-1"])
    return path


@dataclass
class Page:
    """A desk and a browser at it that was let in."""

    desk: Desk
    client: FlaskClient
    token: str

    def get(self, path: str = "/", **headers):
        return self.client.get(path, base_url=HERE, headers=headers)

    def post(self, path: str, sent, **headers):
        headers = {"Origin": HERE, "X-Review-Token": self.token, **headers}
        return self.client.post(path, base_url=HERE, json=sent, headers={name: cell for name, cell in headers.items() if cell is not None})

    def tree(self, path: str = "/"):
        return html.fromstring(self.get(path).text)

    def key(self) -> str:
        return self.tree().get_element_by_id("verdict").get("data-key")

    def decide(self, level: int = 1, **more):
        return self.post("/decide", {"key": self.key(), "level": level, **more})


def enter(desk: Desk) -> Page:
    client = make_app(desk, TOKEN, PORT).test_client()
    page = client.get(f"/?token={TOKEN}", base_url=HERE)
    return Page(desk, client, re.search('name="page-token" content="([^"]+)"', page.text)[1])


@pytest.fixture
def scored(tmp_path):
    return open_scored(write_scored(tmp_path / "scored.csv"))


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    yield store
    store.close()


@pytest.fixture
def page(scored, store) -> Page:
    return enter(Desk(scored, build_queue(scored, "audit"), store, "ann"))


@pytest.fixture
def blind(scored, store) -> Page:
    return enter(Desk(scored, build_queue(scored, "audit"), store, "ann", blind=True))


# Who is let in.


@pytest.mark.parametrize("path", ["/", "/bulk", "/figures", "/terms/x", "/static/review.js", "/nothing", "/?token=", "/?token=wrong"])
def test_nobody_is_let_in_without_the_token(page, path):
    stranger = page.client.application.test_client()
    answer = stranger.get(path, base_url=HERE)
    assert answer.status_code == 403
    assert "T-" not in answer.text
    assert "Set-Cookie" not in answer.headers


def test_token_opens_the_first_page_only(page):
    stranger = page.client.application.test_client()
    assert stranger.get(f"/figures?token={TOKEN}", base_url=HERE).status_code == 403
    assert stranger.post(f"/decide?token={TOKEN}", base_url=HERE, json={}).status_code == 403


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(page):
    answer = page.client.application.test_client().get(f"/?token={TOKEN}", base_url=HERE)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"review-{PORT}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert cookie.split("=")[1].split(";")[0] not in answer.text


def test_cookie_of_another_run_is_refused(page, scored, store):
    old = enter(page.desk)
    cookie = old.client.get_cookie(f"review-{PORT}", domain="127.0.0.1")
    stranger = page.client.application.test_client()
    stranger.set_cookie(cookie.key, cookie.value, domain="127.0.0.1")
    assert stranger.get("/", base_url=HERE).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.evil.example:{PORT}", ""]
)
def test_rebound_name_is_refused_even_with_the_token(page, host):
    answer = page.client.get(f"/?token={TOKEN}", base_url=HERE, headers={"Host": host})
    assert answer.status_code == 403
    assert page.post("/decide", {"key": page.key(), "level": 1}, Host=host, Origin=f"http://{host}").status_code == 403
    assert page.desk.store.events() == []


def test_localhost_is_our_name_too(page):
    client = page.client.application.test_client()
    assert client.get(f"/?token={TOKEN}", base_url=f"http://localhost:{PORT}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"http://127.0.0.1:{PORT + 1}"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": f"http://localhost:{PORT}"},
        {"X-Review-Token": None},
        {"X-Review-Token": "guessed"},
        {"X-Review-Token": TOKEN},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_posts_of_other_pages_are_refused(page, headers):
    sent = {"key": page.key(), "level": 1, "why": "evil", "filter": "level=3"}
    for path in ("/decide", "/skip", "/unusable", "/note", "/undo", "/hold", "/accept-all", "/undo-batch"):
        assert page.post(path, sent, **headers).status_code == 403
    assert page.desk.store.events() == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_forms_of_other_sites_are_no_decisions(page, kind):
    headers = {"Origin": HERE, "X-Review-Token": page.token, "Content-Type": kind}
    answer = page.client.post("/decide", base_url=HERE, data=json.dumps({"key": page.key(), "level": 1}), headers=headers)
    assert answer.status_code == 415
    assert page.desk.store.events() == []


def test_reading_decides_nothing(page):
    for path in ("/decide", "/skip", "/undo", "/accept-all"):
        assert page.get(f"{path}?key={page.key()}&level=1").status_code == 405


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_cannot_embed_ours(page, site):
    for path in ("/", "/static/review.js", "/figures"):
        assert page.get(path, **{"Sec-Fetch-Site": site}).status_code == 403


def test_page_is_served_to_this_machine_only():
    listening = open_socket()
    try:
        address, port = listening.getsockname()
        assert address == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)
        with pytest.raises(
            DataError, match=rf"^--port {port}: cannot be used\. Found: Address already in use\. Choose another, or leave it out\.$"
        ):
            open_socket(port)
    finally:
        listening.close()


def test_large_requests_are_refused(page):
    assert page.decide(why="x" * 100_000).status_code == 413
    assert page.desk.store.events() == []


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd"]
)
def test_no_other_files_are_served(page, path):
    assert page.client.get(path, base_url=HERE, follow_redirects=True).status_code == 404


# What is shown.

PAGES = ["/", "/bulk", "/bulk?level=3&level=1", "/figures", "/static/review.js", "/static/review.css", "/static/icon.svg", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_is_fenced_in(page, path):
    with page.get(path) as answer:
        headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in policy if name not in ("default-src", "base-uri", "frame-ancestors")} == {"'self'"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"


def test_refusals_are_fenced_in_too(page):
    answer = page.client.application.test_client().get("/", base_url="http://evil.example")
    assert answer.status_code == 403
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def everything(page: Page) -> list[str]:
    """Each page and each part of one, with all items and a note of markup."""
    page.post("/note", {"key": page.key(), "why": EVIL})
    parts = [page.get(path).text for path in ("/", "/bulk?level=1&level=3", f"/bulk?{urlencode({'words': EVIL})}", "/figures")]
    while 'id="verdict"' in (text := page.get().text):
        answer = page.decide(level=2, why=EVIL).json
        parts += [text, answer["sheet"], answer["progress"]]
    return parts


def test_whatever_customers_and_reviewers_write_is_text(scored, store):
    parts = everything(enter(Desk(scored, build_queue(scored, "audit"), store, f"ann {EVIL}")))
    assert len(parts) > 4 + 3 * len(TICKETS) - 1
    for part in parts:
        assert "<script>alert" not in part
        assert "<img src=x" not in part
        assert "1337" not in part
        tree = html.fromstring(f"<div>{part}</div>")
        assert tree.xpath("//script[not(@src='/static/review.js')] | //style | //@style | //iframe | //object | //b[.='nobody']") == []
        assert [name for name in tree.xpath("//@*") if re.match("on", name.attrname)] == []
        links = [value for value in tree.xpath("//@href | //@src | //@action")]
        assert [value for value in links if not re.match(r"(/(?!/)|#)", value)] == []
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in part for part in parts)
    assert any("=HYPERLINK(1)" in part for part in parts)


def test_conversation_shows_speakers_apart_and_the_evidence_in_place(page):
    sheet = page.desk.sheet(page.desk.scored.keys[0])
    assert [(bubble.speaker, "".join(piece.text for piece in bubble.pieces)) for bubble in sheet.bubbles] == [
        ("customer", "You promised Monday and <b>nobody</b> came."),
        ("agent", "Sorry."),
        ("customer", "I want my money back!"),
    ]
    assert [piece.text for bubble in sheet.bubbles for piece in bubble.pieces if piece.kind == EVIDENCE] == ["nobody"]


def test_lay_out_keeps_every_word_whatever_is_marked():
    item = Item("k", "1", "Hello. Mia (Acme): Hi!\nCustomer: No\nAgent:\n", {}, {})
    marks = [Mark(0, 9, FOR), Mark(5, 30, AGAINST), Mark(30, 99, FOR), Mark(12, 12, FOR)]
    plain, marked = lay_out(item), lay_out(item, marks)
    assert ["".join(p.text for p in b.pieces) for b in plain] == ["".join(p.text for p in b.pieces) for b in marked]
    assert [p.kind for b in marked for p in b.pieces if p.kind] != []


def test_long_conversation_is_laid_out_at_once():
    item = Item("k", "1", "Customer: You lied to me again and again.\nAgent: No, never, by no means.\n" * 3000, {}, {})
    marks = [Mark(at, at + 3, FOR) for at in range(len(item.text) - 3, 0, -5)]
    begun = time.perf_counter()
    bubbles = lay_out(item, marks)
    assert time.perf_counter() - begun < 2
    assert len(bubbles) == 6000
    assert sum(piece.kind == FOR for bubble in bubbles for piece in bubble.pieces) > 30_000


def test_evidence_that_does_not_stand_there_is_not_marked():
    item = Item("k", "1", "It broke.", {}, {"evidence": "broke", "evidence_start": 0, "evidence_end": 5})
    assert mark_evidence(item) == []
    assert mark_evidence(item._replace(prediction={**item.prediction, "evidence_start": 3, "evidence_end": 8})) == [Mark(3, 8, EVIDENCE)]


def test_terms_are_added_up_and_marked():
    found = [Contribution("late", 0, 4, 0.5), Contribution("but", 5, 8, -0.9), Contribution("late", 9, 13, 0.5)]
    assert add_up(found) == [("late", 2, 1.0), ("but", 1, -0.9)]
    assert mark_terms(found, {"late"}) == [Mark(0, 4, FOR), Mark(9, 13, FOR)]


def test_page_says_when_another_level_is_more_probable(page):
    sheet = page.desk.sheet(page.desk.scored.keys[0])
    assert sheet.rival is None
    near = sheet.item._replace(prediction={**sheet.item.prediction, "p_level_1": 0.3, "p_level_4": 0.4})
    assert sheet._replace(item=near).rival == 4
    assert sheet._replace(item=near, preset=None).rival is None


def test_original_row_and_why_are_shown(page):
    tree = page.tree()
    key = tree.get_element_by_id("verdict").get("data-key")
    item = page.desk.find(key)
    shown = dict(zip(tree.xpath("//aside//dt/text()"), tree.xpath("//aside//dd/text()"), strict=True))
    assert shown == {name: cell for name, cell in item.fields.items() if name != "Words"}
    assert tree.xpath("//ul[@class='why']/li/text()") == ["random: control slice"]
    assert tree.xpath("//input[@name='level'][@checked]/@value") == [str(item.prediction["level"])]
    assert tree.xpath("//input[@name='delivery'][@checked]/@value") == [item.prediction["delivery"]]


def test_controls_have_names(page):
    """What a screen reader would say of each control."""
    for path in ("/", "/bulk?level=3", "/figures"):
        tree = page.tree(path)
        for control in tree.xpath("//input | //select | //button | //svg[@role='img'] | //dialog | //progress"):
            labels = control.xpath("ancestor::label | //label[@for=$own]", own=control.get("id") or "-")
            named = control.get("aria-label") or control.get("aria-labelledby") or control.text_content().strip() or labels
            assert named, html.tostring(control)
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids))
        assert set(tree.xpath("//@aria-labelledby | //@for | //@aria-controls")) <= set(ids)
        assert len(tree.xpath("//h1")) == len(tree.xpath("//main")) == 1
        assert tree.xpath("//*[@role='status'][@id='said']")


def test_blind_page_tells_nothing_of_the_prediction(blind):
    while 'id="verdict"' in (text := blind.get().text):
        tree = html.fromstring(text)
        assert tree.xpath("//input[@name='level'][@checked] | //mark | //ul[@class='why'] | //*[contains(@class, 'predicted')]") == []
        assert tree.xpath("//input[@checked][not(@type='checkbox')]/@value") == ["none"] * 4
        answer = blind.decide(level=5, delivery="delighted").json
        for part in (text, *answer.values()):
            assert not re.search(r"0\.87|0\.9371|0\.94|predicted|as predicted|control slice|evidence|confidence", part)
    assert all(event.context.blind for event in blind.desk.store.events())


def test_blind_page_has_neither_terms_nor_bulk(blind):
    assert "hidden" in blind.get(f"/terms/{blind.key()}", Accept="application/json").json["error"]
    assert "accept-all" not in blind.get("/bulk?level=3").text
    assert blind.post("/accept-all", {"filter": "level=3"}).status_code == 400
    assert blind.desk.store.events() == []


def test_second_reading_hides_what_others_said(scored, store):
    first = enter(Desk(scored, build_queue(scored, "audit"), store, "bob"))
    key = first.key()
    first.decide(level=6, why="a wonder")
    second = enter(Desk(scored, build_queue(scored, "audit"), store, "ann", second=True))
    assert second.key() == key
    assert "a wonder" not in second.get().text
    assert "bob" not in second.get().text
    second.decide(level=2)
    assert second.post("/undo", {}).json["said"].endswith(", open again.")


# What is saved.


def test_decision_is_saved_and_the_next_item_shown(page):
    key = page.key()
    answer = page.decide(level=1, delivery="failed", mindset="delighted", why="two dates missed", seconds=12.5, token="t")
    assert answer.status_code == 200
    [event] = page.desk.store.history(key)
    assert event.verdict == Verdict(1, delivery="failed", mindset="delighted")
    assert (event.reviewer, event.why, event.context.seconds, event.context.queue) == ("ann", "two dates missed", 12.5, "audit")
    assert event.context.reasons == ("random",)
    item = page.desk.find(key)
    assert answer.json["said"] == f"Saved: {item.id}, level 1 criminal, delivery failed, mindset delighted."
    assert html.fromstring(answer.json["sheet"]).xpath("//form/@data-key") == [page.key()] != [key]
    assert "<b>1</b> of 6 decided" in answer.json["progress"]


def test_decision_as_predicted_says_so(page):
    item = page.desk.find(page.key())
    answer = page.decide(level=item.prediction["level"], delivery=item.prediction["delivery"])
    assert answer.json["said"].endswith(" as predicted.")


def test_decision_over_anothers_says_what_was_before(page):
    key = page.key()
    page.desk.store.decide("bob", page.desk.find(key), Verdict(6))
    said = page.post("/decide", {"key": key, "level": 1}).json["said"]
    assert said.endswith("level 1 criminal. Before: level 6 unbelievable.")


def test_decision_sent_again_is_saved_once(page):
    sent = {"key": page.key(), "level": 1, "token": "t-1"}
    assert page.post("/decide", sent).json["said"] == page.post("/decide", sent).json["said"]
    assert len(page.desk.store.events()) == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"level": 7},
        {"level": "1"},
        {"level": None},
        {"level": True},
        {"level": 1.0},
        {"level": [1]},
        {"level": 2, "mindset": "bad"},
        {"level": 2, "key": "x"},
        {"level": 2, "key": 7},
    ],
)
def test_labels_that_are_none_are_refused_with_a_reason(page, sent):
    answer = page.post("/decide", {"key": page.key(), **sent})
    assert answer.status_code == 400
    assert re.fullmatch(r"[^:]+: .+\. .+\. .+\.", answer.json["error"])
    assert page.desk.store.events() == []


@pytest.mark.parametrize("body", ["", "[]", "3", "{", "null", "[" * 20_000])
def test_bodies_that_are_no_decision_are_refused(page, body):
    headers = {"Origin": HERE, "X-Review-Token": page.token, "Content-Type": "application/json"}
    answer = page.client.post("/decide", base_url=HERE, data=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json["error"]


@pytest.mark.parametrize(("seconds", "kept"), [(-5, 0.0), (1e12, 86400.0), ("x", None), (None, None), (float("nan"), None)])
def test_seconds_are_sane(page, seconds, kept):
    page.decide(seconds=seconds)
    assert page.desk.store.events()[0].context.seconds == kept


def test_skip_unusable_note_and_undo(page):
    first = page.key()
    assert page.post("/note", {"key": first, "why": "ask billing"}).json["said"].startswith("Saved: a note on")
    assert page.key() == first
    assert "ask billing" in page.get().text
    page.post("/skip", {"key": first})
    second = page.key()
    assert page.post("/unusable", {"key": second, "why": " "}).status_code == 400
    assert page.post("/unusable", {"key": second, "why": "not a customer"}).json["said"].endswith("unusable: not a customer.")
    assert [event.action for event in page.desk.store.events()] == ["note", "skip", "unusable"]
    event = int(page.tree().xpath("//button[@data-do='undo']/@data-event")[0])
    answer = page.post("/undo", {"event": event})
    assert html.fromstring(answer.json["sheet"]).xpath("//form/@data-key") == [second]
    assert answer.json["said"].startswith("Undone: ")
    assert page.desk.store.verdicts() == {}
    assert page.post("/undo", {"event": event}).status_code == 400


@pytest.mark.parametrize("event", [-1, 0, 99, 10**30, "x", [1], 1.5])
def test_undo_of_what_is_no_event_undoes_nothing(page, event):
    page.decide()
    assert page.post("/undo", {"event": event}).status_code == 400


def test_undo_when_there_is_nothing(page):
    assert page.tree().xpath("//button[@data-do='undo']/@disabled")
    assert "nothing to undo" in page.post("/undo", {}).json["error"]


def test_page_when_nothing_is_left_offers_undo(page):
    for _ in TICKETS:
        answer = page.decide(level=2)
    assert "Nothing left for you" in answer.json["sheet"]
    assert "Nothing left for you" in page.get().text
    event = int(page.tree().xpath("//button[@data-do='undo']/@data-event")[0])
    assert "verdict" in page.post("/undo", {"event": event}).json["sheet"]


def test_item_in_hand_is_held(page, scored, store):
    key = page.key()
    assert page.post("/hold", {"key": key}).json == {"held": True}
    store.decide("bob", page.desk.find(key), Verdict(2))
    assert page.post("/hold", {"key": key}).json == {"held": False}


# Many at once.


def test_bulk_is_previewed_counted_saved_and_undone(page):
    thirds = [page.desk.scored.keys[i] for i in (1, 4, 5)]
    page.desk.store.decide("bob", page.desk.find(thirds[0]), Verdict(2))
    tree = page.tree("/bulk?level=3&confidence=high&least=0.8")
    assert tree.get_element_by_id("n-open").text == "2"
    assert "3 of 6 match; 1 decided already" in tree.text_content()
    assert tree.xpath("//ol[@class='examples']//b/text()") == ["T-5", "T-6"]
    answer = page.post("/accept-all", {"filter": tree.get_element_by_id("bulk").get("data-filter")}).json
    assert (answer["n_items"], answer["said"]) == (2, "Saved: 2 accepted as predicted.")
    assert {key: event.verdict.level for key, event in page.desk.store.verdicts().items()} == dict(zip(thirds, (2, 3, 3), strict=True))
    assert page.post("/undo-batch", {"batch": answer["batch"]}).json["said"] == "Undone: 2 accepted in bulk."
    assert list(page.desk.store.verdicts()) == thirds[:1]


def test_bulk_over_a_column_of_the_original_row(page):
    tree = page.tree("/bulk?" + urlencode({"column": '["Channel", "email"]', "words": "USUAL"}))
    assert tree.xpath("//ol[@class='examples']//b/text()") == ["T-5", "T-6"]


def test_undo_takes_a_whole_bulk_back(page):
    page.post("/accept-all", {"filter": "level=3"})
    event = int(page.tree().xpath("//button[@data-do='undo']/@data-event")[0])
    assert page.post("/undo", {"event": event}).json["said"] == "Undone: 3 accepted in bulk."
    assert page.desk.store.verdicts() == {}


@pytest.mark.parametrize("query", ["", "words=", "least=0", "token=x"])
def test_bulk_needs_a_filter(page, query):
    assert "accept-all" not in page.get(f"/bulk?{query}").text
    assert "no filter" in page.post("/accept-all", {"filter": query}).json["error"]


@pytest.mark.parametrize(
    "query", ["level=x", "least=much", "least=nan", "least=inf", "least=2", "column=x", "column=3", "flag=x", 'column=["No","x"]']
)
def test_filter_that_cannot_be_read_is_told(page, query):
    assert page.get(f"/bulk?{query}").status_code == 400
    assert page.post("/accept-all", {"filter": query}).status_code == 400


# Figures.


def test_figures_show_the_estimates(page):
    def told():
        return " ".join(" ".join(page.tree("/figures").get_element_by_id("main").itertext()).split())

    for level in (1, 3, 2, 2, 3):
        page.decide(level=level)
    found, text = estimate(page.desk.store, page.desk.population), told()
    part = found.unflagged
    assert f"95% interval {100 * part.low / part.total:.1f}% to {100 * part.high / part.total:.1f}%" in text
    assert f"--queue audit --seed 0 --size {math.ceil((part.sampled + part.more) * 6 / part.total)}" in text
    page.decide(level=1)
    found, text = estimate(page.desk.store, page.desk.population), told()
    for part in (found.flagged, found.unflagged):
        assert f"{100 * part.items / part.total:.1f}% {part.items:,.0f} of {part.total:,}" in text
    assert text.count("All of them are read") == 2
    assert f"That is {100 * found.missed.value:.1f}% of all criminal interactions." in text
    share = found.relabelled
    assert f"any label {share.hits} of {share.n} {100 * share.value:.1f}%" in text
    assert "6 reviewed" in text


def test_figures_before_the_first_review(page):
    text = page.tree("/figures").text_content()
    assert text.count("not known yet") == 2
    assert "Nothing reviewed yet." in text


def test_reviewer_needs_a_name(scored, store):
    with pytest.raises(DataError, match=r"^--reviewer: no name\. Found an empty one\. Say whose decisions these are\.$"):
        Desk(scored, build_queue(scored), store, "  ")
