"""The review page: a Flask app over a `Desk`, served to this machine only."""

import json
import socket
from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from servicenlp.calibration import CONFIDENCES
from servicenlp.columns import FLAGS
from servicenlp.errors import DataError
from servicenlp.review.desk import Desk
from servicenlp.review.estimates import estimate
from servicenlp.review.filters import Filter
from servicenlp.review.guard import HOST, guard
from servicenlp.review.queue import QUEUES
from servicenlp.review.reasons import SHOWN_TERMS
from servicenlp.taxonomy import CATEGORIES, CATEGORY_NAMES, LEVELS, OUTCOMES

_LARGEST = 64 * 1024  # bytes of a request
_LONGEST = 24 * 3600.0  # seconds on one item
_LONGEST_TOKEN = 80
_THREADS = 8
Answer = Response | str | tuple[Response | str, int]


def open_socket(port: int = 0) -> socket.socket:
    """Return a socket that listens on this machine only.

    Parameters
    ----------
    port : int
        0 takes any free one.

    Raises
    ------
    DataError
        If the port is taken or not ours to take.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise DataError(f"--port {port}: cannot be used. Found: {error.strerror}. Choose another, or leave it out.") from error
    listening.listen(128)
    return listening


def serve(desk: Desk, listening: socket.socket, tell: Callable[[str], None]) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    desk : Desk
        Whose page.
    listening : socket
        From `open_socket`.
    tell : callable
        Called with the page's address once it is there; the address holds a new random token.
    """
    from waitress import create_server

    token, port = token_urlsafe(32), listening.getsockname()[1]
    server = create_server(make_app(desk, token, port), sockets=[listening], threads=_THREADS, ident=None)
    tell(f"http://{HOST}:{port}/?token={token}")
    try:
        server.run()
    finally:
        server.close()
        desk.store.release(desk.reviewer)


def make_app(desk: Desk, token: str, port: int) -> Flask:
    """Return the page as a WSGI app.

    Parameters
    ----------
    desk : Desk
        Whose page.
    token : str
        Who knows it is let in.
    port : int
        Where it is served.
    """
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=_LARGEST)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard(app, token, port)
    _add_errors(app)
    _add_pages(app, desk)
    _add_decisions(app, desk)
    _add_bulk(app, desk)

    @app.context_processor
    def known() -> dict[str, Any]:
        return {
            "desk": desk, "levels": LEVELS, "categories": CATEGORIES, "outcomes": OUTCOMES, "flags": FLAGS, "confidences": CONFIDENCES,
            "queue_meaning": QUEUES[desk.queue.name], "page_token": g.get("page_token", ""),
        }  # fmt: skip

    return app


def _add_errors(app: Flask) -> None:
    """Tell errors: to a script as JSON, to a reader as a page."""

    def answer(message: str, status: int) -> Answer:
        if request.method == "POST" or request.headers.get("Accept") == "application/json":
            return jsonify(error=message), status
        return Response(f"{message}\n", status, mimetype="text/plain")

    @app.errorhandler(DataError)
    def known(error: DataError) -> Answer:
        return answer(str(error), 400)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Answer:
        return answer(error.description or error.name, error.code or 500)

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Answer:
        app.logger.error("a bug", exc_info=error)
        return answer("Something went wrong. The terminal in which servicenlp review runs shows what.", 500)


def _add_pages(app: Flask, desk: Desk) -> None:
    @app.get("/")
    def review() -> str:
        return render_template("review.html", sheet=desk.next_sheet(), progress=desk.progress())

    @app.get("/terms/<key>")
    def terms(key: str) -> Response:
        reasons = desk.explain(key, request.args.get("target", "level"))
        most = max((abs(term.value) for term in reasons.terms), default=1.0) or 1.0
        scored_by = desk.find(key).prediction.get("model")
        table = render_template("terms.html", reasons=reasons, most=most, key=key, scored_by=scored_by, n_shown=SHOWN_TERMS)
        return jsonify(terms=table, talk=render_template("talk.html", bubbles=reasons.bubbles))

    @app.get("/figures")
    def figures() -> str:
        return render_template("figures.html", found=estimate(desk.store, desk.population), progress=desk.progress())


def _add_decisions(app: Flask, desk: Desk) -> None:
    def go_on(said: str, key: str = "") -> Response:
        """Answer with what was saved, and what comes next."""
        sheet = desk.sheet(key) if key else desk.next_sheet()
        progress = desk.progress()
        return jsonify(
            said=said,
            sheet=render_template("sheet.html", sheet=sheet, progress=progress),
            progress=render_template("progress.html", progress=progress),
        )

    @app.post("/decide")
    def decide() -> Response:
        sent = _sent()
        labels = {"level": sent.get("level"), **{name: _text(sent, name) or "none" for name in CATEGORY_NAMES}}
        return go_on(desk.decide(_text(sent, "key"), labels, _text(sent, "why"), _text(sent, "token"), _seconds(sent)))

    @app.post("/unusable")
    def unusable() -> Response:
        sent = _sent()
        return go_on(desk.mark_unusable(_text(sent, "key"), _text(sent, "why"), _text(sent, "token"), _seconds(sent)))

    @app.post("/skip")
    def skip() -> Response:
        sent = _sent()
        return go_on(desk.skip(_text(sent, "key"), _text(sent, "why"), _text(sent, "token"), _seconds(sent)))

    @app.post("/note")
    def note() -> Response:
        sent = _sent()
        return go_on(desk.note(_text(sent, "key"), _text(sent, "why"), _text(sent, "token")), _text(sent, "key"))

    @app.post("/undo")
    def undo() -> Response:
        sent = _sent()
        event = sent.get("event")
        if event is not None and not (isinstance(event, int) and 0 < event < 2**31):
            raise DataError("Undo: no such event. Found no number of one. Load the page anew.")
        return go_on(*desk.undo(event, _text(sent, "token")))

    @app.post("/hold")
    def hold() -> Response:
        return jsonify(held=desk.hold(_text(_sent(), "key")))


def _add_bulk(app: Flask, desk: Desk) -> None:
    def progress() -> str:
        return render_template("progress.html", progress=desk.progress())

    @app.get("/bulk")
    def bulk() -> str:
        wanted = read_filter(request.args)
        preview = None if desk.blind or wanted == Filter() else desk.preview(wanted)
        query = request.query_string.decode("ascii", "replace")
        return render_template("bulk.html", wanted=wanted, preview=preview, query=query, choices=desk.choices, progress=desk.progress())

    @app.post("/accept-all")
    def accept_all() -> Response:
        sent = _sent()
        done = desk.accept_all(read_filter(MultiDict(parse_qsl(_text(sent, "filter")))), _text(sent, "why"), _text(sent, "token"))
        said = f"Saved: {done.n_items:,} accepted as predicted."
        return jsonify(said=said, batch=done.batch, n_items=done.n_items, progress=progress())

    @app.post("/undo-batch")
    def undo_batch() -> Response:
        count = desk.store.undo_batch(desk.reviewer, _text(_sent(), "batch"))
        return jsonify(said=f"Undone: {count:,} accepted in bulk.", n_items=count, progress=progress())


def read_filter(sent: MultiDict[str, str]) -> Filter:
    """Return the filter that a form's fields describe.

    Raises
    ------
    DataError
        If one cannot be read.

    Examples
    --------
    >>> read_filter(MultiDict([("level", "3"), ("level", "4"), ("mindset", "delighted"), ("words", " ")]))
    Filter(levels=(3, 4), outcomes={'mindset': 'delighted'}, flags=(), confidence=(), min_probability=0.0, words='', fields={})
    """
    try:
        least = float(sent.get("least") or 0)
        if not 0 <= least <= 1:
            raise ValueError(least)
        columns = [json.loads(cell) for cell in sent.getlist("column") if cell]
        return Filter(
            levels=tuple(map(int, sent.getlist("level"))),
            outcomes={name: sent[name] for name in CATEGORY_NAMES if sent.get(name)},
            flags=tuple(sent.getlist("flag")),
            confidence=tuple(sent.getlist("confidence")),
            min_probability=least,
            words=sent.get("words", "").strip(),
            fields={str(name): str(cell) for name, cell in columns},
        )
    except (ValueError, TypeError) as error:
        raise DataError("Filter: cannot be read. Found something else than the form sends. Choose anew.") from error


def _sent() -> Mapping[str, Any]:
    try:
        sent = request.get_json()
    except RecursionError:
        sent = None
    if not isinstance(sent, dict):
        raise DataError("Request: cannot be read. Found no object. Load the page anew.")
    return sent


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    return (value[:_LONGEST_TOKEN] if name == "token" else value) if isinstance(value, str) else ""


def _seconds(sent: Mapping[str, Any]) -> float | None:
    value = sent.get("seconds")
    return min(max(float(value), 0.0), _LONGEST) if isinstance(value, int | float) and value == value else None
