"""The page in a browser: Debian's Chromium, over a file that the shipped model scored."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the extra 'review' is not installed")
pytest.importorskip("flask", reason="the extra 'review' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")

from click.testing import CliRunner
from conftest import DATA
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from servicenlp.cli import main
from servicenlp.review.app import make_app
from servicenlp.review.decisions import ACCEPT, CORRECT, NOTE, SKIP, UNDO, UNUSABLE, Verdict, predicted
from servicenlp.review.desk import Desk
from servicenlp.review.queue import build_queue
from servicenlp.review.scored import ScoredFile, open_scored
from servicenlp.review.store import Store, open_store

TOKEN = "a-token-of-the-tests"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if not program:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def scored_path(tmp_path_factory) -> Path:
    """The example tickets as the shipped model scores them."""
    path = tmp_path_factory.mktemp("scored") / "scored.csv"
    result = CliRunner().invoke(main, ["score", str(DATA / "examples" / "tickets.csv"), "-o", str(path), "--quiet"])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def scored(scored_path) -> ScoredFile:
    return open_scored(scored_path)


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    yield store
    store.close()


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    """A browser's window; nothing but our own server may be asked, and the page must not err."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    asked: list[str] = []
    wrong: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context
    context.close()
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []
    assert [text for text in wrong if not re.search("ERR_CONNECTION_REFUSED|ERR_FAILED|status of 500", text)] == []


@pytest.fixture
def open_desk(context, scored, store) -> Iterator[Open]:
    """Open a reviewer's page, served by this process."""
    servers = []

    def open_page(reviewer: str = "ann", queue: str = "mixed", file: ScoredFile = scored, size: int = 200, **options) -> Page:
        desk = Desk(file, build_queue(file, queue, size=size), store, reviewer, **options)
        server = make_server("127.0.0.1", 0, lambda *call: app(*call), threaded=True, request_handler=Quiet)
        app = make_app(desk, TOKEN, server.port)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/?token={TOKEN}")
        return page

    yield open_page
    for page in context.pages:
        page.close()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run_command(scored_path, tmp_path, context) -> Iterator[Callable[..., tuple[subprocess.Popen, Page]]]:
    """Open a page that the command itself serves."""
    started: list[subprocess.Popen] = []

    def run(*options: str) -> tuple[subprocess.Popen, Page]:
        command = [sys.executable, "-m", "servicenlp", "review", str(scored_path), "--store", f"sqlite:///{tmp_path}/review.db", *options]
        errors = (tmp_path / "errors").open("w")
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        errors.close()
        started.append(process)
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), (tmp_path / "errors").read_text()
        page = context.new_page()
        page.goto(address)
        return process, page

    yield run
    for process in started:
        process.kill()
        process.communicate()


def key(page: Page) -> str:
    return page.locator("#verdict").get_attribute("data-key")


def press(page: Page, *keys: str) -> str:
    """Press keys, the last of which saves something; return what the page says was saved."""
    before = key(page)
    for one in keys:
        page.keyboard.press(one)
    page.wait_for_function("before => document.querySelector('#verdict')?.dataset.key !== before", arg=before)
    said = page.locator("#said").text_content()
    assert said
    return said


def test_session_of_thirty_items_with_keys_only(run_command, scored, tmp_path):
    process, page = run_command("--reviewer", "ann", "--queue", "mixed", "--seed", "3")
    assert "token" not in page.url
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", page.url)
    expected: dict[str, tuple[str, Verdict | None, str]] = {}
    order = ("none", "failed", "delighted")
    for i in range(30):
        current = key(page)
        said = predicted(scored.find(current).prediction)
        if i % 6 == 0:  # another level and delivery, with a note
            level = 1 + i // 6
            wanted = said._replace(level=level, delivery=order[(order.index(said.delivery) + 1) % 3])
            page.keyboard.press("n")
            page.keyboard.type("1 note; sxu are letters")
            page.keyboard.press("Escape")
            told = press(page, str(level), "d", "Enter")
            assert told.startswith(f"Saved: {scored.find(current).id}, level {level} ")
            expected[current] = (ACCEPT if wanted == said else CORRECT, wanted, "1 note; sxu are letters")
        elif i % 6 == 1:
            press(page, "s")
            expected[current] = (SKIP, None, "")
        elif i % 6 == 2:
            press(page, "x", "2")
            expected[current] = (UNUSABLE, None, "a test or an advertisement")
        elif i % 6 == 3:  # every letter thrice is what it was
            press(page, *"pppmmmrrr", "Enter")
            expected[current] = (ACCEPT, said, "")
        else:
            press(page, "Enter")
            expected[current] = (ACCEPT, said, "")
    expect(page.locator(".counts")).to_contain_text("25 of 200 decided")
    expect(page.locator(".counts")).to_contain_text("5 skipped")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    assert {e.item: (e.action, e.verdict if e.action != SKIP else None, e.why) for e in store.events()} == expected
    assert [e.context.queue for e in store.events()] == ["mixed"] * 30
    assert all(e.context.seconds is not None and e.context.reasons for e in store.events())
    assert store.claim("bob", store.populations()[0]["id"], list(expected)) != []  # ann's skips, and nothing held by her
    store.close()


def test_undo_brings_the_item_back(open_desk, store):
    page = open_desk()
    first = key(page)
    press(page, "6", "Enter")
    second = key(page)
    press(page, "s")
    press(page, "u")
    assert key(page) == second
    assert press(page, "u").startswith("Undone: ")
    assert key(page) == first
    page.keyboard.press("u")
    expect(page.locator("#wrong")).to_have_text("Nothing to undo.")
    assert [event.action for event in store.events()] == [CORRECT, SKIP, UNDO, UNDO]
    assert store.verdicts() == {}


def test_reload_in_the_middle_keeps_the_item_and_what_was_saved(open_desk, store):
    page = open_desk()
    press(page, "2", "Enter")
    second = key(page)
    page.keyboard.press("5")
    page.reload()
    assert key(page) == second
    expect(page.locator(".counts")).to_contain_text("1 of 200 decided")
    press(page, "Enter")
    assert len(store.events()) == 2


def test_two_reviewers_at_once_never_have_the_same_item(open_desk, store):
    ann, bob = open_desk("ann"), open_desk("bob")
    seen = []
    for i in range(16):
        seen += [key(ann), key(bob)]
        assert key(ann) != key(bob)
        press(*((ann, "3", "Enter") if i % 3 else (bob, "s")))
    events = store.events()
    assert len(events) == 16
    decided = [event.item for event in events if event.action != SKIP]
    assert len(decided) == len(set(decided))
    assert {event.reviewer for event in events} == {"ann", "bob"}
    ann.reload()
    expect(ann.locator(".counts")).to_contain_text("1 with others")


def test_bulk_accept_with_preview_count_and_undo(open_desk, store, scored):
    page = open_desk()
    page.get_by_role("link", name="Bulk accept").click()
    form = page.get_by_role("form", name="Filter")
    form.get_by_label("expected").check()
    form.get_by_label("high", exact=True).check()
    page.get_by_role("button", name="Preview").click()
    wanted = [i for i in range(len(scored)) if scored.level[i] == 3 and scored.column("confidence")[i] == "high"]
    expect(page.locator("#n-open")).to_have_text(str(len(wanted)))
    expect(page.locator(".examples li")).to_have_count(min(20, len(wanted)))
    page.get_by_role("button", name=f"Accept {len(wanted)} as predicted").click()
    expect(page.locator("#said")).to_have_text(f"Saved: {len(wanted)} accepted as predicted.")
    assert set(store.verdicts()) == {scored.keys[i] for i in wanted}
    page.get_by_role("button", name="Undo this").click()
    expect(page.locator("#said")).to_have_text(f"Undone: {len(wanted)} accepted in bulk.")
    assert store.verdicts() == {}
    page.get_by_role("link", name="Look again").click()
    page.get_by_role("button", name=f"Accept {len(wanted)} as predicted").click()
    expect(page.locator("#said")).to_contain_text("Saved")
    page.get_by_role("link", name="Queue").click()
    press_undo = page.get_by_role("button", name="Undo")
    press_undo.click()
    expect(page.locator("#said")).to_have_text(f"Undone: {len(wanted)} accepted in bulk.")
    assert store.verdicts() == {}


def test_changed_filter_disables_accepting_what_was_previewed(open_desk, store):
    page = open_desk()
    page.goto(page.url + "bulk?level=3")
    expect(page.locator("#accept-all")).to_be_enabled()
    page.get_by_label("criminal").first.check()
    expect(page.locator("#accept-all")).to_be_disabled()


def test_blind_mode_shows_no_prediction_and_wants_a_level(open_desk, store):
    page = open_desk(blind=True)
    for _ in range(3):
        expect(page.locator("mark, .why, .bar, .predicted, .also, #terms")).to_have_count(0)
        expect(page.locator("input[name=level]:checked")).to_have_count(0)
        page.keyboard.press("t")
        page.keyboard.press("Enter")
        expect(page.locator("#wrong")).to_have_text("No level yet: press 1 to 6.")
        assert "predicted" not in press(page, "4", "m", "Enter")
    assert [(event.verdict, event.context.blind) for event in store.events()] == [(Verdict(4, mindset="failed"), True)] * 3
    expect(page.get_by_role("link", name="Bulk accept")).to_have_count(0)


def test_mouse_alone_does_all(open_desk, store, scored):
    page = open_desk()
    first = key(page)
    page.locator("label.level", has_text="surprising").click()
    page.locator("#label-mindset + .segments label", has_text="delighted").click()
    page.get_by_role("button", name="Correct and go on").click()
    expect(page.locator("#said")).to_contain_text("level 5 surprising")
    assert store.verdicts()[first].verdict.mindset == "delighted"
    page.get_by_role("button", name="Unusable").click()
    page.get_by_label("Another reason").fill("a  <b>poem</b>")
    page.get_by_role("button", name="Mark as unusable").click()
    expect(page.locator("#said")).to_contain_text("a  <b>poem</b>")
    page.get_by_label("Note").fill("ask billing")
    page.get_by_role("button", name="Save the note only").click()
    expect(page.locator(".past")).to_contain_text("ask billing")
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("#said")).to_contain_text("Skipped")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#said")).to_contain_text("Undone")
    assert [event.action for event in store.events()] == [CORRECT, UNUSABLE, NOTE, SKIP, UNDO]


def test_terms_come_on_demand_and_go(open_desk, scored):
    page = open_desk()
    quote = scored.find(key(page)).prediction["evidence"]
    assert page.locator("mark.evidence").text_content() == quote
    page.keyboard.press("t")
    expect(page.locator("#terms table tbody tr")).not_to_have_count(0)
    expect(page.locator("#talk mark.for").first).to_be_visible()
    page.locator("#target").select_option("delivery")
    expect(page.locator("#terms h2")).to_contain_text("delivery")
    page.keyboard.press("Tab")
    page.locator("#show-terms").click()
    expect(page.locator("#terms")).to_be_hidden()
    expect(page.locator("mark.evidence")).to_have_text(quote)


def test_evidence_far_below_is_a_press_away(open_desk, tmp_path, scored_path):
    text = "Customer: Hello there.\n" + "Agent: One moment.\nCustomer: Fine.\n" * 40 + "Customer: You lied to me."
    with scored_path.open(newline="", encoding="utf-8") as file:
        [row] = (row for row in csv.DictReader(file) if row["Ticket ID"] == "LF-48113")
    start = text.index("You lied")
    row |= {"Description": text, "service_evidence": text[start:], "service_evidence_start": start, "service_evidence_end": len(text)}
    with (tmp_path / "long.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    page = open_desk(file=open_scored(tmp_path / "long.csv"))
    expect(page.locator("mark.evidence")).not_to_be_in_viewport()
    page.get_by_role("button", name="Go to the evidence").click()
    expect(page.locator("mark.evidence")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Accept and go on")).to_be_in_viewport()
    page.set_viewport_size({"width": 1280, "height": 480})
    page.get_by_role("button", name="Accept and go on").click()
    expect(page.get_by_role("heading", name="Nothing left for you")).to_be_visible()


def test_keys_are_shown_and_can_be_turned_off(open_desk, store):
    page = open_desk()
    first = key(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("s")
    page.get_by_label("Single keys act").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    for one in ("s", "x", "4", "u"):
        page.keyboard.press(one)
    page.reload()
    page.keyboard.press("s")
    assert key(page) == first
    assert store.events() == []


def test_enter_on_a_button_does_what_the_button_says(open_desk, store):
    page = open_desk()
    page.get_by_role("button", name="Skip").focus()
    press(page, "Enter")
    assert [event.action for event in store.events()] == [SKIP]
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_what_is_shown_as_saved_outlives_a_killed_server(run_command, tmp_path):
    process, page = run_command("--reviewer", "ann")
    saved = []
    for _ in range(3):
        saved.append(key(page))
        press(page, "1", "Enter")
    last = key(page)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).to_contain_text("No answer, so perhaps not saved.")
    expect(page.locator("#said")).to_be_empty()
    assert key(page) == last
    assert page.locator("input[name=level]:checked").get_attribute("value") == "2"
    store = open_store(f"sqlite:///{tmp_path}/review.db")
    assert [event.item for event in store.events()] == saved
    store.close()


def test_answer_that_got_lost_is_not_saved_twice(open_desk, store, context):
    page = open_desk()
    first = key(page)
    lost = []

    def lose(route) -> None:
        lost.append(route.fetch())
        route.abort()

    page.route("**/decide", lose, times=1)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).to_contain_text("No answer, so perhaps not saved.")
    press(page, "Enter")
    assert len(lost) == 1
    assert [(event.item, event.verdict.level) for event in store.events()] == [(first, 2)]


def test_decision_after_which_the_server_stumbled_is_not_saved_twice(open_desk, store):
    page = open_desk()
    first = key(page)

    def stumble(route) -> None:
        route.fetch()
        route.fulfill(status=500, json={"error": "the store cannot be used"})

    page.route("**/decide", stumble, times=1)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).to_have_text("the store cannot be used")
    press(page, "Enter")
    assert [(event.item, event.verdict.level) for event in store.events()] == [(first, 2)]


def test_bulk_and_its_undoing_whose_answers_got_lost_count_once(open_desk, store, scored):
    page = open_desk()
    base = page.url
    page.goto(f"{base}bulk?level=3")
    n = int((scored.level == 3).sum())
    for path, button, said in (
        ("accept-all", f"Accept {n} as predicted", f"Saved: {n} accepted"),
        ("undo-batch", "Undo this", f"Undone: {n} accepted"),
    ):
        page.route(f"**/{path}", lambda route: (route.fetch(), route.abort()), times=1)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#wrong")).to_contain_text("No answer, so perhaps not saved.")
        page.get_by_role("button", name=button).click()
        expect(page.locator("#said")).to_contain_text(said)
    assert len(store.events()) == 2 * n
    page.goto(base)
    press(page, "2", "Enter")
    page.route("**/undo", lambda route: (route.fetch(), route.abort()), times=1)
    page.keyboard.press("u")
    expect(page.locator("#wrong")).to_contain_text("perhaps not saved")
    press(page, "u")
    assert [event.action for event in store.events()[2 * n :]] == [CORRECT, UNDO]


EVIL = """<!doctype html><title>trying</title><iframe src="TARGET" name="frame"></iframe>
<form method="post" action="TARGETdecide" enctype="text/plain" target="frame"><input name='{"key":"KEY","level":1,"a":"' value='"}'></form>
<script>
const body = JSON.stringify({key: "KEY", level: 1});
const send = (init) => fetch("TARGETdecide", {method: "POST", credentials: "include", body, ...init}).then(() => "sent", () => "refused");
const read = fetch("TARGET", {credentials: "include"}).then((answer) => answer.text()).catch(() => "refused");
document.forms[0].submit();
Promise.all([read, send({mode: "no-cors"}),
  send({headers: {"Content-Type": "application/json"}}), send({headers: {"X-Review-Token": "x"}})])
  .then(([text]) => { document.title = text === "refused" ? "refused" : "read"; });
</script>"""


@pytest.mark.parametrize("site", ["127.0.0.1", "localhost", "evil.example"])
def test_other_sites_in_the_same_browser_can_neither_read_nor_decide(open_desk, browser, store, site):
    """Cross-site requests, and those of another program's page on this machine, which browsers call the same site."""
    desk = open_desk()
    here, own = desk.url, browser.new_context()
    page = own.new_page()
    page.goto(f"{here}?token={TOKEN}")
    expect(page.locator("#verdict")).to_be_visible()
    evil = EVIL.replace("TARGET", here).replace("KEY", key(desk)).encode()
    answered = []

    def serve_evil(_environ, start):
        start("200 OK", [("Content-Type", "text/html")])
        return [evil]

    server = make_server("127.0.0.1", 0, serve_evil, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = own.new_page()
        page.on("response", lambda answer: answered.append(answer.status) if answer.url.startswith(here) else None)
        page.goto(f"http://{site}:{server.port}/")
        expect(page).to_have_title("refused")
        page.wait_for_timeout(200)
    finally:
        own.close()
        server.shutdown()
        server.server_close()
    assert set(answered) == {403}
    assert store.events() == []


def test_rebound_name_shows_nothing(open_desk, browser, store):
    desk = open_desk()
    own = browser.new_context()
    page = own.new_page()
    answer = page.goto(desk.url.replace("127.0.0.1", "evil.example") + f"?token={TOKEN}")
    assert answer.status == 403
    assert "LF-" not in page.content()
    assert own.cookies() == []
    own.close()


OPENING = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"  # milliseconds from the request on


def test_queue_of_20000_opens_within_two_seconds(open_desk, scored_path, tmp_path):
    with scored_path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if row[header.index("service_status")] == "scored"]
    text, name = header.index("Description"), header.index("Ticket ID")
    large = tmp_path / "large.csv"
    with large.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for i in range(20_000):
            row = list(rows[i % len(rows)])
            row[name] = f"L-{i:05}"
            row[text] += f" {i}"
            writer.writerow(row)
    page = open_desk("ann", "uncertain", open_scored(large), 20_000)
    expect(page.locator(".counts")).to_contain_text("of 20,000 decided")
    assert page.evaluate(OPENING) < 2000
    press(page, "Enter")
    page.reload()
    expect(page.locator("#verdict")).to_be_visible()
    assert page.evaluate(OPENING) < 2000
    begun = time.perf_counter()
    press(page, "Enter")
    assert time.perf_counter() - begun < 2


def test_screen_readers_are_told_names_states_and_what_was_saved(open_desk, scored):
    page = open_desk()
    item = scored.find(key(page))
    level = page.get_by_role("group", name="Level of service")
    expect(level.get_by_role("radio")).to_have_count(6)
    expect(level.get_by_role("radio", name="criminal", exact=False)).to_be_checked(checked=item.prediction["level"] == 1)
    for name in ("primary product", "delivery system", "service mindset", "ongoing relationship"):
        expect(page.get_by_role("radiogroup", name=name).get_by_role("radio")).to_have_count(3)
    expect(page.get_by_role("article", name=item.id)).to_be_visible()
    expect(page.get_by_role("complementary", name="The original row")).to_be_visible()
    page.keyboard.press("4")
    expect(page.locator("#set")).to_have_text("Level 4, desired")
    page.keyboard.press("r")
    expect(page.locator("#set")).to_have_text(re.compile("^ongoing relationship: (none|failed|delighted)$"))
    press(page, "Enter")
    expect(page.get_by_role("status").filter(has_text="Saved: ")).to_contain_text(item.id)
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert order == ["show-terms", "level", "primary", "delivery", "mindset", "relationship", "why", "accept", ""]


CONTRAST = """
() => {
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const ground = (node) => { if (!node) return [255, 255, 255];
    const own = parse(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(node.parentElement)); };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    if (!node.checkVisibility() || node.closest("svg, noscript, .unseen, :disabled, .skip-link, option")) continue;
    const style = getComputedStyle(node), under = ground(node);
    const colour = parse(style.color); colour[3] *= Number(style.opacity);
    const [high, low] = [light(over(colour, under)), light(under)].sort((a, b) => b - a);
    const ratio = (high + .05) / (low + .05);
    if (ratio < 4.5) found.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${node.textContent.trim().slice(0, 30)}`);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_and_nothing_is_cut_off(open_desk, context, scheme):
    """WCAG 2.2: 1.4.3 contrast, 1.4.10 reflow."""
    page = open_desk()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    base = page.url
    press(page, "1", "Enter")
    for path in ("", "bulk?level=3", "figures"):
        page.goto(base + path)
        if not path:
            page.keyboard.press("t")
            expect(page.locator("#terms table")).to_be_visible()
        for width in (1280, 390, 320):  # 320 is 1280 enlarged four times
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CONTRAST) == []
