"""Numbers that tell who somebody is: of phones, cards, accounts and machines, told by checksums and by the words before."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple


class Private(NamedTuple):
    """A part of a text that is to be masked: ``text[start:end]``, and of which of `KINDS` it is."""

    start: int
    end: int
    kind: str


_IPV4 = re.compile(r"(?<![\w.,-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}(?![\w:])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}(?![\w:])"
)
_VERSION = re.compile(r"(?:\bv|version|firmware|build|release|update|software)[\s:.]*$", re.IGNORECASE)
_IBAN = re.compile(r"(?<![\w-])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = range(34, 14, -1)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_SSN_SAID = re.compile(
    r"(?i:\bssn\b|social security)(?:\s+(?i:number|no\.?|#|is|was))*[\s:#]*((?!000|666|9)\d{3}[ -]?\d{2}[ -]?\d{4})(?!\w)"
)
_CARD = re.compile(r"[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}[ -]\d{6}[ -]\d{5}")
_PARCEL = re.compile(r"\d{3}-\d{7}-\d{7}")  # a shop's order
# A run of digits in groups, as people write long numbers.
_NUMBER = re.compile(r"(?<![\w.,/:$€£¥₹+-])\d(?:[ -]?\d){5,29}(?![\w/:]|[.,]\d)")
_DIALLED = re.compile(
    r"(?<![\w.,/:$€£¥₹-])(?:\+\s?\(?|\(\+?|00)?\d[\d ().\-/\u00a0\u2010-\u2013]{4,26}\d(?![\w/:%]|[.,]\d| ?(?:€|EUR|USD|GBP|kg|km)\b)"
)
_DATED = re.compile(r"(?<!\d)(?:(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d)(?!\d)")
_LOCAL = re.compile(r"\d{3}[-. ]\d{4}")
_REGIONS = ("US", "GB", "DE", "FR", "IT", "ES", "NL", "AU", "IN", "JP", "ZA", "BR", "MX", "PL", "SE", "CH", "AT", "BE", "IE", "NZ")
# Words before a number that tell what it is, with a few words between.
_FEW = r"(?:[\s:#.=?-]|\b(?:is|was|number|numbers|no|nr|num|id|ref|code|at|on|under|me|us|back|it's|of|my|the|to|please|\w+ing)\b){0,8}$"
_DIALS = re.compile(
    r"\b(?:call(?:ed)?|phone|tel|telephone|mobile|mob|cell|fax|whatsapp|text|sms|reach|ring|contact|dial|landline|handy|hotline)" + _FEW,
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:orders?|ord|booking|reservation|confirmation|itinerary|ticket|case|incident|tracking|track|parcel|shipment|package|invoice|"
    r"receipt|"
    r"transaction|claim|serial|model|part|sku|item|product|article|isbn|ean|upc|gtin|imei|flight|pnr|voucher|coupon|complaint|reference|"
    r"request|awb|waybill|barcode|otp)" + _FEW,
    re.IGNORECASE,
)
_ACCOUNTS = re.compile(
    r"\b(?:accounts?|acct|acc|a/c|policy|member|membership|subscriber|subscription|loyalty|rewards?|frequent flyer|passport|licen[cs]e|"
    r"insurance|routing|sort|iban|bsb|medicare|nhs|tax|vat|meter|contract|loan|mortgage|card|debit|credit|bank|login|pin|identity|"
    r"personal|"
    r"(?:customer|client|patient|user|your|my|guest) (?:number|no|nr|id|ref|code)|id)" + _FEW,
    re.IGNORECASE,
)
_ACCOUNT_CODE = re.compile(
    r"\b(?i:account|acct|policy|membership|subscriber|loyalty|passport|licen[cs]e|contract|frequent flyer|(?:customer|client|"
    r"member) (?:number|no|id))"
    r"(?i:[\s:#.=]|\b(?:is|was|number|no|nr|num|id|ref|reference)\b){1,8}([A-Z]{1,4}[ -]?\d(?:[ -]?\d){5,19}|"
    r"\d{2,8}[A-Z]{1,3}\d{2,10})(?!\w)"
)
_ACCOUNT_SIGNS = (
    "acc",
    "polic",
    "member",
    "subscr",
    "loyal",
    "passport",
    "licen",
    "contract",
    "frequent",
    "customer n",
    "customer id",
    "client ",
)
_SPEAKER = re.compile(
    r"\n(?![^\n:]*\b(?:numbers?|no|nr|id|accounts?|acct|policy|phone|tel|mobile|cell|fax|orders?|card|booking|ticket|passport)\b)[^\n:]{1,30}:",
    re.IGNORECASE,
)
_BEFORE = 48  # characters in which a word tells what a number is
_LONG = 13


def find_numbers(text: str) -> Iterator[Private]:
    """Walk what may be masked of a text that holds digits, the surest kinds first.

    Examples
    --------
    >>> [one.kind for one in find_numbers("Call 212-555-0123 about card 4111 1111 1111 1111")]
    ['CARD', 'PHONE']
    """
    yield from _ibans(text)
    yield from _social(text)
    yield from _addresses(text)
    small = text.lower()
    if any(sign in small for sign in _ACCOUNT_SIGNS):
        yield from (Private(*match.span(1), "ACCOUNT") for match in _ACCOUNT_CODE.finditer(text))
    yield from _numbers(text)
    yield from _phones(text)


def _ibans(text: str) -> Iterator[Private]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        places = [match.start() + i for i, letter in enumerate(match[0]) if letter.isalnum()]
        for length in _IBAN_LENGTHS:  # words may follow at once
            end = places[length - 1] + 1 if length <= len(places) else 0
            if end and not text[end : end + 1].isalnum() and iban.is_valid(text[match.start() : end]):
                yield Private(match.start(), end, "IBAN")
                break


def _social(text: str) -> Iterator[Private]:
    for match in _SSN.finditer(text):
        if not _ORDERS.search(_before(text, match.start())):
            yield Private(*match.span(), "SSN")
    yield from (Private(*match.span(1), "SSN") for match in _SSN_SAID.finditer(text))


def _addresses(text: str) -> Iterator[Private]:
    for match in _IPV4.finditer(text):
        if not ip_address(match[0]).is_private and not _VERSION.search(_before(text, match.start())):
            yield Private(*match.span(), "IP")
    if "::" in text or text.count(":") >= 7:
        yield from (Private(*match.span(), "IP") for match in _IPV6.finditer(text))


def _numbers(text: str) -> Iterator[Private]:
    """Walk cards and accounts."""
    from stdnum import luhn

    for match in _NUMBER.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        before = _before(text, match.start())
        if _CARD.fullmatch(match[0]) and luhn.is_valid(digits) and not _ORDERS.search(before):
            yield Private(*match.span(), "CARD")
        elif _DATED.fullmatch(match[0]) or _ORDERS.search(before):
            continue
        elif _ACCOUNTS.search(before) or (
            len(digits) >= _LONG and not match[0].startswith("00") and not _DIALS.search(before) and not _PARCEL.fullmatch(match[0])
        ):
            yield Private(*match.span(), "ACCOUNT")


def _phones(text: str) -> Iterator[Private]:
    for match in _DIALLED.finditer(text):
        number, start = match[0], match.start()
        if number.count("(") > number.count(")"):
            number, start = (number[1:], start + 1) if number[0] == "(" else (number[: number.rindex("(")].rstrip(), start)
        digits = sum(map(str.isdigit, number))
        before = _before(text, start)
        if not 7 <= digits <= 15 or _DATED.search(number) or _ORDERS.search(before):
            continue
        if _DIALS.search(before) or _is_phone(number, digits):
            yield Private(start, start + len(number), "PHONE")


def _is_phone(number: str, digits: int) -> bool:
    """Tell whether a number is one that can be dialled, in one of some countries, and looks like it."""
    import phonenumbers

    bare = number.isdigit()
    if number.startswith(("+", "00", "(+")):
        regions: tuple[str, ...] = ("US",)
        number = "+" + number[2:] if number.startswith("00") else number
    elif number.lstrip("(").startswith("0"):
        regions = _REGIONS if digits >= 9 else ()
    elif digits in (10, 11) and (bare or re.fullmatch(r"(?:1[-. ]?)?\(?\d{3}\)?[-. ]{0,3}\d{3}[-. ]?\d{4}", number)):
        regions = ("US",)
    else:
        regions = ()
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _before(text: str, place: int) -> str:
    """Return the words before a number, without the labels of speakers: "Customer:" is no word for an account."""
    words = text[max(0, place - _BEFORE) : place]
    if place <= _BEFORE and ":" in words:
        words = _SPEAKER.sub(" ", "\n" + words)
    return _SPEAKER.sub(" ", words) if "\n" in words else words
