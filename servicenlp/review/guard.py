"""Who may talk to the page: the browser that was given its token, from the page itself, under its own name.

Other sites' pages run in the same browser, and other programs' on the same machine. Against them:
only our own names as Host (DNS rebinding), a token that they do not know, in a cookie that scripts
cannot read and other sites cannot send, and for all that changes anything our own Origin, JSON and
a second token that stands in the page only (cross-site requests). What the page may load or run is
our own two files only, so that text which should get through as markup would still do nothing.
"""

from hmac import compare_digest
from secrets import token_urlsafe

from flask import Flask, Request, Response, abort, g, request

HOST = "127.0.0.1"
READING = ("GET", "HEAD")
PAGE_TOKEN = "X-Review-Token"
_OWN = ("same-origin", "none")  # of Sec-Fetch-Site: our page, or the address typed in

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(app: Flask, token: str, port: int) -> None:
    """Let nobody else in.

    Parameters
    ----------
    app : Flask
        Whose requests are checked, all of them.
    token : str
        Who knows it is let in.
    port : int
        Where it is served; part of its names, and of the cookie's, as cookies are shared by ports.
    """
    names = {f"{HOST}:{port}", f"localhost:{port}"}
    cookie = f"review-{port}"
    session, page_token = token_urlsafe(32), token_urlsafe(32)

    @app.before_request
    def check() -> None:
        if request.headers.get("Host", "") not in names:
            abort(403, "This page has another name: open the address that servicenlp review printed.")
        g.fresh = request.method in READING and request.path == "/" and _same(request.args.get("token", ""), token)
        if not g.fresh and not _same(request.cookies.get(cookie, ""), session):
            abort(403, "This page is not yours, or was opened anew: open the address that servicenlp review printed.")
        if not g.fresh and request.headers.get("Sec-Fetch-Site", "none") not in _OWN:
            abort(403, "This comes from another page.")
        if request.method not in READING:
            _check_change(request, page_token)
        g.page_token = page_token

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(HEADERS)
        if g.get("fresh"):
            response.set_cookie(cookie, session, httponly=True, samesite="Strict")
        return response


def _check_change(request: Request, page_token: str) -> None:
    """Refuse what our page did not send."""
    if request.headers.get("Origin") != f"http://{request.headers['Host']}":
        abort(403, "This comes from another page.")
    if not _same(request.headers.get(PAGE_TOKEN, ""), page_token):
        abort(403, "This page was opened anew: load it again.")
    if not request.is_json:
        abort(415, "Only JSON is taken.")


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())
