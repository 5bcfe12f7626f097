"""Names of people, told by the words around them."""

import re
from collections.abc import Iterator

from servicenlp.private_numbers import Private

_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Monsieur|Madame|Señora?|Mister)"
_TITLES = ("Mr", "Ms", "Miss", "Mx", "Dr", "Prof", "Herr", "Frau", "Monsieur", "Madame", "Señor", "Mister")
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'’-]{1,30}"  # a word with a capital
_FULL = rf"{_CAPITAL}(?:[ ]{_CAPITAL}){{0,2}}"
_TITLED = re.compile(rf"\b{_TITLE}\.?[ ]({_FULL})")
# What is searched for only in a text that holds one of the words before it, in small letters.
_SAID = [
    (
        ("name is", "name's", "name’s", "names "),
        re.compile(
            rf"\b(?i:my (?:full |first |last )?name is|my name'?s|name['’]s)[ ](?:{_TITLE}\.?[ ])?"
            rf"({_FULL}|[^\W\d_]{{2,30}}(?:[ ][^\W\d_]{{2,30}}(?=[ ]*(?:[,.!?\n]|$)))?)"
        ),
    ),
    (
        ("speaking", "calling", "here", "from"),
        re.compile(
            rf"\b(?i:this is|it'?s|speaking (?:to|with))[ ](?:{_TITLE}\.?[ ])?({_FULL})(?=,?[ ](?i:speaking|calling|here\b|from\b))"
        ),
    ),
    (
        ("i am ", "i'm ", "i’m ", "im "),
        re.compile(rf"\b(?i:i am|i['’]m|im)[ ](?:{_TITLE}\.?[ ])?({_FULL})(?=,?[ ](?i:from|calling)\b)"),
    ),
]
# What is looked for at the starts of lines and sentences only.
_START = re.compile(r"\n|[:.!?>][ ]")
_GREETED = re.compile(
    rf"[ \t>]*(?i:hi|hello|hey|dear|hiya|good (?:morning|afternoon|evening|day)|greetings|hallo|lieber?|sehr geehrter?|bonjour|hola|ciao|"
    rf"thank you|thanks),?[ ](?:{_TITLE}\.?[ ])?({_FULL})(?=[ \t]*(?:[,!.:;–—\n\r]|-\s|$))"
)
_SIGNED = re.compile(
    rf"[ \t]*(?i:(?:(?:with|best|kind|kindest|warm|many)[ ]){{0,2}}(?:regards|wishes)|sincerely|yours (?:truly|sincerely|faithfully)|"
    rf"cheers|"
    rf"many thanks|thanks(?: again| so much)?|thank you|best|respectfully|viele grüße|saludos|cordialement)"
    rf"(?:[ \t]*[,.!][ \t]*|[ \t]*[,.!]?[ \t]*\r?\n\s{{0,4}})[-–~]?[ ]?({_FULL})[ \t]*\.?(?=[ \t\r]*(?:$|\n))"
)
_FIELD = re.compile(rf"[ \t]*(?i:(?:full |first |last |customer |your )?name)[ \t]*:[ \t]*({_FULL})(?=[ \t]*(?:$|[\r\n,;]))")
# What follows such words and is nobody's name.
_NOBODY = frozenset(
    "a about absolutely accounts again agent airline airlines airways all also america american an and angry anyone app asap at "
    "australia bank based best billing bot brand britain british bursar california canada canadian care chat clean client co coming "
    "company currently customer customers date desk director disappointed dr dutch england english europe everybody everyone "
    "experience extremely first florida folks france french friend friends from fully german germany god good great group guest guys "
    "happy have he hell here hi home hotel hotels how hr i i'd i'll i'm i've if ii in incorrect incorrectly india indian ireland "
    "irish is it it's italian italy i’m i’ve just kindly ladies london ltd madam madame management manager managing many martens "
    "member merry messed miss missing misspelled mr mrs ms mud muscle my never new no nobody not nothing now ny oetker of off office "
    "ok on one online only operator our partner pepper please returns sales same scotland she shop sir sirs so sorry south spain "
    "spanish speaking spelled spelt staff still store subject support sure team texas thank thanks that the their there they this to "
    "today totally uk unhappy us usa valued very virtual was we what where who why with writing wrong yes yet york you your".split()
)


def find_names(text: str) -> Iterator[Private]:
    """Walk the names in a text.

    Examples
    --------
    >>> [one.kind for one in find_names("My name is Dana Reed.")]
    ['NAME']
    """
    small = text.lower()
    for signs, pattern in _SAID:
        if _holds(small, signs):
            for match in pattern.finditer(text):
                yield from _name(match, True)
    if _holds(text, _TITLES):
        for match in _TITLED.finditer(text):
            yield from _name(match, True)
    for place in (0, *(start.end() for start in _START.finditer(text))):
        for pattern in (_GREETED, _SIGNED, _FIELD):
            if found := pattern.match(text, place):
                yield from _name(found, False)


def _name(match: re.Match[str], sure: bool) -> Iterator[Private]:
    """Return the name that was found, unless it is the word for anybody; if sure, up to such a word."""
    words = match[1].split(" ")
    known = [_bare(word) in _NOBODY for word in words]
    n_words = known.index(True) if True in known else len(words)
    if n_words and (sure or n_words == len(words)):
        name = " ".join(words[:n_words])
        name = name[:-2] if name.endswith(("'s", "’s")) else name
        yield Private(match.start(1), match.start(1) + len(name), "NAME")


def _bare(word: str) -> str:
    return word.lower().removesuffix("'s").removesuffix("’s")


def _holds(text: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # a third of the time of any() with a generator
        if sign in text:
            return True
    return False
