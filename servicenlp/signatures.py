"""The end of a mail: signatures, the lines of devices and disclaimers are told from what was written."""

import re
from collections.abc import Iterator

from servicenlp.speakers import NOTE, ROLE_WORDS

_ROLES = "|".join(words for role, words in ROLE_WORDS.items() if role != NOTE)
_LABEL = re.compile(
    rf"^[ \t]*(?:[\[(]?\d[\d:., -]{{0,20}}(?:[ap]m)?[\])]?[ \t]*-?[ \t]*)?(?:{_ROLES})[ \t]*(?:\([^()\n]{{0,40}}\))?[ \t]*:|"
    r"^[ \t]*[\[(]\d{1,2}:\d\d(?::\d\d)?[ \t]?(?:[ap]m)?[\])][ \t]*\S",
    re.IGNORECASE | re.MULTILINE,
)
_DEVICE = (
    r"(?:iphone|ipad|ipod|android|samsung|galaxy|blackberry|huawei|xiaomi|pixel|oneplus|nokia|mobile|phone|cell ?phone|smartphone|"
    r"tablet|handy|"
    r"device|telefono|téléphone|móvil|movil|celular|telefoon|telefon\w*|urządzenia|outlook|mail|gmail|yahoo!?|aol|hotmail|windows|"
    r"proton|surface)"
)
_SENT = re.compile(
    r"get outlook for \w+(?: ?<[^<>\s]+>)?|(?:sent (?:from|via|with)|gesendet (?:von|mit)|von mein\w+|diese nachricht wurde von mein\w+|"
    r"envoyé (?:de|depuis|à partir de)|"
    r"enviado (?:desde|do|de)|inviat[oa] d\w+|verzonden (?:vanaf|vanuit|met)|verstuurd vanaf|wysłan[oe] z|skickat från|sendt fra|"
    r"отправлено с)"
    rf"(?:[ -][\w+®™'’-]+){{0,4}}?[ -]{_DEVICE}(?:[ -](?:mail|app|phone|device|smartphone|mobile|gesendet|aus gesendet|pro|max|plus|"
    rf"mini|air|note|edge|"
    r"ultra|(?:for|on|via|using|für|pour|para|per|voor|dla) (?:\w+ )?\w+|\S*\d\S*))*(?: ?<[^<>\s]+>)?[.!]?",
    re.IGNORECASE,
)
_SENT_JA = re.compile(r"(?:iPhone|iPad|Android)(?:から送信|より送信)")
_INLINE_SENT = re.compile(
    r"(?<=[\s.!?])(?:Sent from my (?:iPhone|iPad|Android|Samsung|Galaxy|BlackBerry|mobile device|phone)(?: (?:using|on|"
    r"via) \w+(?: \w+)?| \d+\w*)?[.!]?|Get Outlook for \w+)\s*$",
    re.IGNORECASE,
)

_SIGN_OFF = re.compile(
    r"(?:(?:with )?(?:best|kind|warm|kindest|many|warmest)? ?(?:regards|wishes)|sincerely(?: yours)?|yours (?:sincerely|faithfully|"
    r"truly)|cheers|"
    r"respectfully|(?:many )?thanks(?: again)?|thank you|mit freundlichen grüßen|(?:viele|liebe|beste) grüße|cordialement|bien à vous|"
    r"(?:un )?saludos?(?: cordial(?:es)?)?|atentamente|cordiali saluti|met vriendelijke groet(?:en)?|atenciosamente|z poważaniem|"
    r"pozdrawiam)[,.!]?",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"[^\s<>@]@[^\s<>@]+\.\w|\bwww\.|https?://|(?:\+|\b(?:tel|phone|mobile|cell|fax|m|t|p)\b\W{0,3})[\d(][\d ()./-]{6,}|"
    r"\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_a-z][\w'’.-]*(?: [^\W\d_a-z][\w'’.-]*){1,3},?")
_SIGNATURE_LINES, _SIGNATURE_LINE = 10, 100

_MEANT = re.compile(
    r"intended (?:only|solely|exclusively) for|(?:not|than) the (?:intended|named) (?:recipient|addressee)|intended recipient|"
    r"received (?:this|the) (?:e-?mail|message|communication|transmission)[\w ]{0,20} (?:in|by) (?:error|mistake)|"
    r"nicht der (?:richtige|beabsichtigte|vorgesehene) (?:adressat|empfänger)|exclusivement (?:à l'attention|destiné)|"
    r"pas le destinataire|"
    r"(?:exclusivamente|únicamente) (?:a|para) (?:su|el|la) destinatario|no es (?:usted )?el destinatario|esclusivamente al destinatario|"
    r"(?:uitsluitend|alleen) bestemd voor|exclusivamente ao destinatário|wyłącznie dla adresata",
    re.IGNORECASE,
)
_MAIL = re.compile(
    r"e-?mail|message|communication|transmission|nachricht|courriel|correo|mensaje|messaggio|bericht|mensagem|wiadomość", re.IGNORECASE
)
_SECRET = re.compile(
    r"confiden|privileg|vertrau|riservat|poufn|disclos|disseminat|delete|destroy|unauthori[sz]ed|lösch|vernicht|supprim|elimin|verwijder",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"(?:(?:\*+ ?)?(?:confidentiality|confidential|privacy|legal|important|email)? ?(?:notice|disclaimer|note)\s?[:*-]|"
    r"\b(?:this|the information (?:contained )?in this|the contents? of this|diese|ce|cet|este|questo|dit|ta) "
    r"(?:e-?mail|message|communication|transmission|nachricht|courriel|correo|mensaje|messaggio|bericht|mensagem|wiadomość))",
    re.IGNORECASE,
)
_DISCLAIMER_LENGTH = 60
_TAIL = 80
_NOTICE = re.compile(r"\W*(?:confidentiality|privacy|legal)? ?(?:notice|disclaimer)\W*", re.IGNORECASE)

_MEANT_SIGNS = ("ntended ", "in error", "by mistake", "dressat", "pfänger", "estinat", "estiné", "bestemd", "adresata")


def holds(text: str, signs: tuple[str, ...]) -> bool:
    """Tell whether one of some signs is in a text."""
    for sign in signs:  # a third of the time of any() with a generator
        if sign in text:
            return True
    return False


def is_labelled(text: str) -> bool:
    """Tell whether a text holds speaker labels or times: then it is a transcript, of which nothing is cut."""
    return _LABEL.search(text) is not None


def cut_device(text: str) -> str:
    """Cut "Sent from my iPhone" off the end of a text whose line ends were lost."""
    if "ent from my" not in text and "Get Outlook" not in text:
        return text
    sent = _INLINE_SENT.search(text[-_TAIL:])
    return text[: len(text[:-_TAIL]) + sent.start()].rstrip() if sent else text


def leave_out_signature(lines: list[str]) -> list[str]:
    """Leave out a device's line, the block below "-- ", and the address below a greeting."""
    lines = [line for line in lines if not _is_sent_line(line.strip())]
    for i in range(max(0, len(lines) - _SIGNATURE_LINES - 1), len(lines)):
        line, block = lines[i], [below.strip() for below in lines[i + 1 :] if below.strip()]
        brief = all(len(below) <= _SIGNATURE_LINE for below in block)
        if not block or not brief or not any(above.strip() for above in lines[:i]) or is_labelled("\n".join(block)):
            continue
        contact = any(_CONTACT.search(below) for below in block)
        if line == "-- " and (contact or len(block) <= 5):
            return lines[:i]
        if line.strip() in ("--", "---", "__", "___", "—") and (contact or _NAME.fullmatch(block[0])):
            return lines[:i]
        if contact and _SIGN_OFF.fullmatch(line.strip()) and not any(below.endswith(("!", "?")) for below in block):
            return lines[: i + 1]
    return lines


def _is_sent_line(line: str) -> bool:
    return 8 < len(line) <= 90 and bool(_SENT.fullmatch(line) or _SENT_JA.fullmatch(line))


def holds_disclaimer(text: str) -> bool:
    """Tell whether a text may hold a disclaimer, quickly."""
    return len(text) > _DISCLAIMER_LENGTH and holds(text, _MEANT_SIGNS)


def leave_out_disclaimers(lines: list[str]) -> list[str]:
    """Leave out paragraphs that say whom a mail is meant for; what stands before one in its paragraph stays."""
    kept: list[str] = []
    for paragraph in _paragraphs(lines):
        text = " ".join(paragraph)
        if len(text) > _DISCLAIMER_LENGTH and _MEANT.search(text) and _MAIL.search(text) and _SECRET.search(text):
            start = _DISCLAIMER.search(text)
            above = text[: start.start()].strip(" *_-") if start else text
            while kept and (not kept[-1].strip() or _NOTICE.fullmatch(kept[-1])):
                kept.pop()
            kept += [above] if above else []
        else:
            kept += paragraph
    return kept


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Walk what blank lines part; each blank line is a paragraph too."""
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
            continue
        if paragraph:
            yield paragraph
        yield [line]
        paragraph = []
    if paragraph:
        yield paragraph
