"""Markup to words: HTML, entities and wrongly decoded letters are undone, quoted parts of HTML mails left out."""

import html
import re

# Tags that no customer writes by accident; a "<" before anything else ("<3", "<customer name>") stays.
_TAGS = (
    "a|abbr|article|b|big|blockquote|body|br|button|caption|center|code|div|em|font|footer|form|h[1-6]|head|header|hr|html|i|img|input|label|"
    "li|link|main|meta|nav|o:p|ol|option|p|pre|s|script|section|small|span|strike|strong|style|sub|sup|svg|table|tbody|td|tfoot|th|thead|"
    "title|tr|tt|u|ul|video"
)
# Attributes hold a "=", so that "is a <b and c> d" is no tag. What follows "<" ends at the next "<": linear.
_TAG = re.compile(rf"<(?:/(?:{_TAGS})\s*|(?:{_TAGS})(?:\s*/?|\s[^<>=]*=[^<>]*)|!--|!doctype\b[^<>]*)>?(?<=[->])", re.IGNORECASE)
_STRAY = re.compile(rf"<(?!/?(?:{_TAGS})\b|!--|!doctype\b|!\[)", re.IGNORECASE)
_BLOCK = re.compile(r"<(?:p|br|div|li|tr|table|h[1-6])\b", re.IGNORECASE)
_UNSEEN = [  # where what nobody sees begins, and where it ends
    (re.compile("<!--"), re.compile("-->")),
    (re.compile(r"<script\b", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
    (re.compile(r"<style\b", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)),
]
_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
# A letter of UTF-8's first bytes as Latin-1 or Windows shows them, before one of the later bytes.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4\u0102\u0103\u010e\u0413\u0420\u0421\u0432\u0440][\u0080-\u00bf\u0152-\u017e\u0192\u02c6\u02dc\u2010-\u2122]"
)
_LONGEST = 2_000_000  # characters of HTML that are parsed; what is longer loses its tags only

_QUOTES = " | ".join(
    [
        "//blockquote",
        *(
            f"//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"
            for name in (
                "gmail_quote",
                "gmail_signature",
                "yahoo_quoted",
                "moz-cite-prefix",
                "moz-signature",
                "protonmail_quote",
                "zmail_extra",
            )
        ),
        *(
            f"//*[@id='{name}']"
            for name in ("divRplyFwdMsg", "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container", "Signature")
        ),
    ]
)
# The parser drops what is nested deeper than 256.
_DEEP = "boolean(" + "/*" * 250 + ")"
# Outlook puts the quoted mail beside these, not into them.
_FOLLOWED = {"divRplyFwdMsg", "appendonsend"}
_FORWARDED = re.compile(
    r"forwarded|fwd:|weitergeleitet|transf[ée]r|reenviad|inoltrat|doorgestuurd|encaminhad|przekazan|転送", re.IGNORECASE
)


def strip_markup(text: str) -> str:
    """Return a text without markup, entities and wrongly decoded letters.

    Parameters
    ----------
    text : str
        As it was exported: plain, or HTML, whole or in part.

    Returns
    -------
    str
        The words; the same object if there was nothing to undo. Quoted mails in HTML, styles and
        scripts are left out, unless nothing else is there.

    Examples
    --------
    >>> strip_markup("<p>It&#39;s <b>late</b></p><blockquote>Dear Dana</blockquote>")
    "It's late"
    >>> strip_markup("I <3 it, > 50 flights & counting")
    'I <3 it, > 50 flights & counting'
    """
    given = text
    if "<" in text and _TAG.search(text):
        text = _extract(text)
    elif "&" in text and _ENTITY.search(text):
        text = _unescape(text)
        if "<" in text and _TAG.search(text):
            text = _extract(text)
    if not text.isascii() and _MOJIBAKE.search(text):
        text = _mend(text)
    return given if text == given else text


def _extract(text: str) -> str:
    """Return the words of HTML; with its quoted parts if it has no others."""
    own = _parse(text, True)
    if not any(map(str.isalnum, own)):
        own = _parse(text, False)
    if not any(map(str.isalnum, own)):
        own = _bare(text)
    # Mails escaped twice show their entities once parsed.
    return _unescape(own) if "&" in own else own


def _parse(text: str, leave_out: bool) -> str:
    from html_text import etree_to_text, parse_html  # lxml takes long to load, and most exports are plain
    from html_text.html_text import cleaner
    from lxml.etree import LxmlError

    text = _STRAY.sub("&lt;", text)
    if not _BLOCK.search(text):  # its line ends are ends of lines, then
        text = text.replace("\r\n", "\n").replace("\n\n", "<p>").replace("\n", "<br>")
    if len(text) > _LONGEST:
        return _bare(text)
    try:
        tree = parse_html(text)
        if tree.xpath(_DEEP):
            return _bare(text)
        if leave_out:
            _leave_out_quotes(tree)
        return str(etree_to_text(cleaner.clean_html(tree)))
    except (LxmlError, RecursionError, UnicodeEncodeError, AssertionError, ValueError):  # ValueError: nothing but a comment
        return _bare(text)


def _leave_out_quotes(tree):  # type: ignore[no-untyped-def]  # lxml has no types
    for node in tree.xpath(_QUOTES + " | //*[@id='appendonsend']"):
        if node.getparent() is None or _FORWARDED.search("".join(node.itertext())[:200]):
            continue
        if node.get("id") in _FOLLOWED:
            for follower in list(node.itersiblings()):
                follower.drop_tree()
        node.drop_tree()


def _bare(text: str) -> str:
    """Return HTML without its tags, where a parser gives up or would take too long."""
    for opening, closing in _UNSEEN:
        text = _without(text, opening, closing)
    return " ".join(_unescape(re.sub("<[^<>]*>", " ", text)).split())


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    kept, at = [], 0
    # One pass: what is never closed ends the search, where a pattern of both would look again from each.
    while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
        kept.append(text[at : start.start()])
        at = end.end()
    return " ".join([*kept, text[at:]])


def _unescape(text: str) -> str:
    """Undo entities that end in ";", twice: ``&amp;#39;`` is common."""
    for _ in range(2):
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return text.replace("\xa0", " ")


def _mend(text: str) -> str:
    """Undo wrong decoding, and nothing else that ftfy could do."""
    from ftfy import TextFixerConfig, fix_text

    config = TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
    )
    return fix_text(text, config)
