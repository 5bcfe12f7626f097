"""A mail to what its writer wrote: quoted replies, signatures and disclaimers are cut off.

The libraries for this cut at "Thanks," or at a dash, which loses words of the customer, and some
take minutes over a long line. Here a line counts as the head of a quotation only if it names a
time or an address, and all is found in one pass over the lines.
"""

import re
from functools import cached_property

from servicenlp.signatures import cut_device, holds, holds_disclaimer, is_labelled, leave_out_disclaimers, leave_out_signature

# "On DATE, NAME wrote:", as mail programs say it: words at the start, and at the end.
_WROTE = [
    (r"On", r"wrote"),
    (r"Am", r"schrieb\b.*"),
    (r"Le", r"a écrit"),
    (r"El", r"escribió"),
    (r"Il", r"ha scritto"),
    (r"Op", r"(?:schreef\b.*|geschreven)"),
    (r"Em", r"escreveu"),
    (r"(?:W dniu|Dnia)", r"(?:napisał|pisze|wrote)\b.*"),
    (r"(?:Den|På)", r"skrev\b.*"),
    (r"Dne", r"napsal.*"),
    (r".*\d", r"(?:написал|пишет|さんは書きました|napisał|のメール|写道|님이 작성).*"),
    (r".*\d", r"<[^<>@\s]+@[^<>\s]+>"),  # Gmail in most languages: a time and an address
]
_HEAD = re.compile("|".join(rf"(?:{start}\b.*{end})" for start, end in _WROTE), re.IGNORECASE | re.DOTALL)
_HEAD_LENGTH = 300
_WIDTH = 200  # no line between mails is wider
# What tells a mail program's line from a sentence: an address, or a time with a date.
_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_WHEN = re.compile(r"\b\d{1,2}[:.h]\d\d\b")
_DATE = re.compile(r"\b\d{4}\b|\d{1,2}[./-]\d{1,2}[./-]\d\d|\b\d{4}年")
# A person who tells what was written: "On 3 May 2024 at 10:12 I wrote:".
_TOLD = re.compile(
    r"\b(?:I|you|we|they|he|she|it|who|agent|rep|someone|ich|er|sie|wir|je|il|elle)\s+(?:\w+\s+)?(?:wrote|schrieb|"
    r"ai écrit)",
    re.IGNORECASE,
)
_INLINE = re.compile(r"\b(?:wrote|schrieb[^:\n]{0,80}|a écrit ?|escribió|ha scritto|schreef[^:\n]{0,80}|escreveu|napisał\(?a?\)?):")
_INLINE_START = re.compile(r"(?:^|(?<=[\s.!?>]))(?:On|Am|Le|El|Il|Op|Em|W dniu|Dnia)\s(?=[^:]*\d)")

_SEPARATOR = re.compile(
    r"[>\s]*(?:-{2,}|_{2,}|\*{2,})\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|"
    r"message d'origine|"
    r"message original|mensaje original|messaggio originale|oorspronkelijk bericht|origineel bericht|mensagem original|"
    r"(?:wiadomość )?oryginalna(?: wiadomość)?|oprindelig meddelelse|ursprungligt meddelande|元のメッセージ|original mail)\s*[-_*]*\s*(?:$|"
    r"(?=\S+:))",
    re.IGNORECASE,
)
_INLINE_SEPARATOR = re.compile(
    r"---\s?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)\s?---", re.IGNORECASE
)
_RULE = re.compile(r"\s*[-_=]{5,}\s*")
_NESTED = re.compile(r">\s?>")
_GREETING = re.compile(r">\s?(?:hi|hello|dear|hallo|bonjour|hola|sehr geehrte)\b", re.IGNORECASE)
_WRAPPED = 60  # characters of a line that a mail program may have wrapped
_BLANKS = re.compile(r"\n[ \t]*\n[ \t\n]*\n")
_ABOVE = re.compile(
    r"\W*(?:please )?(?:type|write|enter) your (?:reply|response) (?:above|below)(?: this line)?\W*|\W*reply above this line\W*",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"forwarded|fwd?:|weitergeleitet|transf[ée]r|reenviad|inoltrat|doorgestuurd|encaminhad|przekazan|転送", re.IGNORECASE
)

_FIELDS = {
    "from": "from|von|de|da|van|od|från|fra|от|差出人|发件人|보낸 ?사람",
    "date": "sent|date|gesendet|datum|envoyé|date|enviado(?: el)?|fecha|inviato|data|verzonden|wysłano|skickat|sendt|"
    "дата|送信日時|日時|发送时间|보낸 ?날짜",
    "to": "to|an|à|para|a|aan|do|till|til|кому|宛先|收件人|받는 ?사람",
    "subject": "subject|betreff|objet|asunto|oggetto|onderwerp|assunto|temat|ämne|emne|тема|件名|主题|제목",
    "copy": "cc|bcc|kopie|copie|reply-to|importance|attachments|priority",
}
_FIELD = re.compile(
    r"[>\s*]*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _FIELDS.items()) + r")\s?\*?\s?[:：]\*?\s*(?P<value>.*)",
    re.IGNORECASE,
)
# The same within a line, in this order.
_INLINE_FIELDS = [
    (re.compile(r"\b(?:Sent|Date|Gesendet|Envoyé|Enviado(?: el)?|Inviato|Verzonden|Wysłano|Sendt|Skickat) ?: ?\S"), 160),
    (re.compile(r"\b(?:To|An|À|Para|A|Aan|Do|Til|Till) ?: ?\S"), 100),
    (re.compile(r"\b(?:Subject|Betreff|Objet|Asunto|Oggetto|Onderwerp|Assunto|Temat|Emne|Ämne) ?:"), 300),
]
_INLINE_FIELD_START = re.compile(r"\b(?:From|Von|De|Da|Van|Od|Fra|Från): ?\S")

# What each of these needs: looked for first, since most texts are no mails.
_LINE_SIGNS = re.compile(
    r"\n[ \t]*(?:[>#_*—-]|(?:"
    + _FIELDS["from"]
    + r")[ *]?[:：]|(?:sent|get outlook|gesendet|von mein|diese nach|envoyé|enviad|inviat|verzond|verstuur|wysłan|skickat|sendt|отпр|"
    r"iphone|ipad|android|"
    r"please type|type your|reply above|with best|best|kind|warm|many|regards|sincer|yours|cheers|respectf|thank|mit freu|viele|liebe|"
    r"beste|cordial|"
    r"bien à|un sal|salud|atent|met vr|atenc|z pow|pozdr))",
    re.IGNORECASE,
)
_HEAD_SIGNS = (":\n", ":\r", ": \n", "：\n")
_WROTE_SIGNS = ("wrote:", "schrieb", "a écrit", "escribió:", "ha scritto:", "schreef", "escreveu:", "napisał")
_SUBJECT_SIGNS = ("ubject:", "etreff:", "bjet :", "bjet:", "sunto:", "ggetto:", "nderwerp:", "ssunto:", "emat:", "mne:")


def strip_replies(text: str) -> str:
    """Return what the writer of a mail wrote, without what the mail quotes and how it is signed.

    Parameters
    ----------
    text : str
        Plain text, of a mail or not.

    Returns
    -------
    str
        The same object if there was nothing to cut, or if no words would be left. Where a line may
        be the customer's own, it stays. A text with speaker labels is cut only up to them.

    Examples
    --------
    >>> strip_replies("Still broken!\\n\\nOn Fri, 3 May 2024 at 10:12, Care <care@norda.example> wrote:\\n> Dear Dana,\\n> it is fixed.")
    'Still broken!'
    >>> strip_replies("Then the agent wrote: not our problem.")
    'Then the agent wrote: not our problem.'
    """
    own = text
    if "\n" in text:
        own = _by_lines(text)
    elif holds_disclaimer(text):
        own = "\n".join(leave_out_disclaimers([text]))
    if ":" in own and (cut := _inline_cut(own)) is not None and not is_labelled(own[cut:]):
        own = own[:cut].rstrip(" \n\t>-_")
    own = cut_device(own)
    return own if own != text and any(map(str.isalpha, own)) else text


def _by_lines(text: str) -> str:
    lines = kept = text.replace("\r\n", "\n").split("\n")
    if _LINE_SIGNS.search(text) or _LINE_SIGNS.match("\n" + text[:100]) or holds(text, _HEAD_SIGNS) or text.endswith((":", "：")):
        kept = leave_out_signature(_without_quotes(_Mail(lines)))
    if holds_disclaimer(text):
        kept = leave_out_disclaimers(kept)
    return text if kept == lines else _BLANKS.sub("\n\n", "\n".join(kept)).strip()


class _Mail:
    """The lines of a text, and which of them is the last with a speaker label."""

    def __init__(self, lines: list[str]):
        self.lines = lines

    @cached_property
    def last_label(self) -> int:
        return next((i for i in range(len(self.lines) - 1, -1, -1) if is_labelled(self.lines[i])), -1)

    def is_transcript_from(self, i: int) -> bool:
        """Tell whether what would be cut holds speaker labels."""
        return self.last_label >= i


def _without_quotes(mail: _Mail) -> list[str]:
    """Leave out quoted mails and their heads."""
    kept: list[str] = []
    i: int | None = 0
    while i is not None and i < len(mail.lines):
        i = _step(mail, i, kept)
    return kept


def _step(mail: _Mail, i: int, kept: list[str]) -> int | None:
    """Keep or leave out what begins at a line; return where it ends, or None if the rest is left out."""
    lines, line = mail.lines, mail.lines[i].strip()
    if line.endswith((":", "：")) and (back := _head(lines, i, len(kept))):
        after = _next(lines, i + 1)
        quoted = after is None or lines[after].lstrip().startswith(">")
        if quoted or not mail.is_transcript_from(i + 1):
            del kept[len(kept) - back + 1 :]
            return _end_of_quote(lines, i + 1) if quoted else None
    if line.startswith(">"):
        end = _quoted_until(lines, i)
        kept += [] if _is_quote(lines[i:end]) else lines[i:end]
        return end
    if line[:1] in "-_*" and len(line) < _WIDTH and _SEPARATOR.match(line) and not mail.is_transcript_from(i + 1):
        return None
    if line[-1:] in "-#*." and len(line) < _WIDTH and _ABOVE.fullmatch(line):
        return i + 1
    if (":" in line or "：" in line) and (end := _fields_until(lines, i)):
        if _is_forwarded(kept):
            return end  # what was passed on is what it is about
        if not mail.is_transcript_from(end):
            while kept and _RULE.fullmatch(kept[-1]):
                kept.pop()
            return None
    kept.append(lines[i])
    return i + 1


def _next(lines: list[str], i: int) -> int | None:
    """Return the next line that is not blank."""
    return next((k for k in range(i, len(lines)) if lines[k].strip()), None)


def _head(lines: list[str], i: int, n_kept: int) -> int:
    """Return of how many lines, ending in this one, the head of a quotation consists; 0 if it is none."""
    for back in range(1, min(3, n_kept + 1) + 1):
        head = " ".join(line.strip().lstrip("> ") for line in lines[i - back + 1 : i + 1]).rstrip(":： ")
        if len(head) > _HEAD_LENGTH:
            return 0
        if _HEAD.fullmatch(head):
            after = _next(lines, i + 1)
            quoted = after is not None and lines[after].lstrip().startswith(">")
            return back if quoted or _is_dated(head) else 0
    return 0


def _is_dated(head: str) -> bool:
    """Tell a mail program's line from a sentence of a person."""
    if _TOLD.search(head) and not _ADDRESS.search(head):
        return False
    return bool(_ADDRESS.search(head) and re.search(r"\d", head)) or bool(_DATE.search(head) and _WHEN.search(head))


def _end_of_quote(lines: list[str], i: int) -> int:
    """Return where a run of quoted and blank lines ends."""
    while i < len(lines) and (not lines[i].strip() or lines[i].lstrip().startswith(">")):
        i += 1
    return i


def _quoted_until(lines: list[str], i: int) -> int:
    """Return where a run of quoted lines ends."""
    while i < len(lines) and lines[i].lstrip().startswith(">"):
        i += 1
    return i


def _is_quote(block: list[str]) -> bool:
    """Tell quoted lines with no head from a list, or from a person's own ">"."""
    lines = [line.strip() for line in block]
    return len(lines) > 1 and (any(len(line) >= _WRAPPED or _NESTED.match(line) for line in lines) or bool(_GREETING.match(lines[0])))


def _fields_until(lines: list[str], i: int) -> int:
    """Return where the fields of a quoted mail, From to Subject, end; 0 if there are none."""
    first = _FIELD.match(lines[i])
    if not first or first.lastgroup is None or not first["from"]:
        return 0
    found, end, address = {"from"}, i + 1, bool(_ADDRESS.search(first["value"]))
    for k in range(i + 1, min(i + 14, len(lines))):
        field = _FIELD.match(lines[k])
        if field:
            found |= {name for name in _FIELDS if field[name]}
            address = address or bool(_ADDRESS.search(field["value"]))
            end = k + 1
        elif lines[k].strip() and k > end:
            break
    # Travellers write From, To and Date as well.
    sure = {"date", "subject"} <= found or {"to", "subject"} <= found or (address and "date" in found)
    return end if sure and (address or len(found) >= 4) else 0


def _is_forwarded(kept: list[str]) -> bool:
    last = next((line for line in reversed(kept) if line.strip()), "")
    return bool(_FORWARDED.search(last)) and len(last) < 80


def _inline_cut(text: str) -> int | None:
    """Return where a quotation begins within a line: many exports lose the line ends."""
    cuts = [separator.start()] if "---" in text and (separator := _INLINE_SEPARATOR.search(text)) else []
    for verb in _INLINE.finditer(text) if holds(text, _WROTE_SIGNS) else ():
        begin = max(0, verb.start() - _HEAD_LENGTH)
        starts = [begin + found.start() for found in _INLINE_START.finditer(text[begin : verb.start()])]
        if starts and _is_dated_within(text[starts[-1] : verb.end() - 1]):
            cuts.append(starts[-1])
            break
    for start in _INLINE_FIELD_START.finditer(text) if holds(text, _SUBJECT_SIGNS) else ():
        if _fields_follow(text, start.end()):
            cuts.append(start.start())
            break
    return min(cuts, default=None)


def _is_dated_within(head: str) -> bool:
    """Tell a mail program's words within a line; they need a date, and a time or an address."""
    return bool(_DATE.search(head) and (_WHEN.search(head) or _ADDRESS.search(head))) and not _TOLD.search(head)


def _fields_follow(text: str, at: int) -> bool:
    for field, reach in _INLINE_FIELDS:
        found = field.search(text, at, at + reach)
        if not found:
            return False
        at = found.end()
    return True
