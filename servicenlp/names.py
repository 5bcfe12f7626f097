"""Which labels in a chat are names: "Sam (Support)" and "AGENT 2" are, "Tracking number" and "Pros" are not."""

import re

from servicenlp.speakers import is_role, name_role

# Labels that tell what follows rather than who says it.
_FIELDS = frozenset(
    """
    pro pros con cons note notes update updates edit edited room rooms food service price location staff subject from to cc bcc date sent
    re fw fwd ps p.s nb n.b summary verdict conclusion rating ratings score question answer q a q&a issue problem problems solution
    resolution description details detail name email e-mail phone tel mobile address order product item items qty quantity total amount
    status type category priority reason result results expected actual steps warning important title time day reply-to reference ref
    tracking model serial version value quality delivery shipping packaging overall positives negatives positive negative good bad likes
    dislikes yes no ok okay thanks thank hello hi hey dear regards cheers sorry please great sure bye also but so and then now first
    second third finally anyway however today tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday week month
    year hours hour arrived called waited checked ordered left spoke told asked received emailed rang paid booked landed departed
    arrival departure von an betreff gesendet datum de para asunto enviado objet envoyé à da oggetto inviato step option part chapter
    table seat gate flight train bus case ticket invoice account id url link source tldr tl;dr fyi eta faq breakfast lunch dinner morning
    afternoon evening bathroom bedroom kitchen pool wifi parking screen battery camera sound size fit colour color design comfort
    cleanliness mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep oct nov dec
    """.split()
)
_FUNCTION_WORDS = frozenset(
    """
    to in on for with was is were are am i we my our they he she it its a an not that this these those there here at by be been has have
    had do did does will would can could should if when while because about after before your his her their what who how why which than
    or as just only very too told said says asked got get
    """.split()
)
_PARTICLES = frozenset("de da do dos di del della van von der den la le el al bin ibn y e of the and".split())
# "Customer service: slow" judges, "Agent Sam: hello" speaks.
THINGS = re.compile(
    r"\b(?:services?|support|care|rooms?|portal|interface|experience|friendliness|satisfaction|ids?|names?|numbers?|no|e-?mail|phone|reviews?|"
    r"area|lounge|relations|feedback|comments?|response|attitude|knowledge|hours|quality|team|desk)$",
    re.IGNORECASE,
)
_NO_NAME = re.compile(r"[?!;=%€$£…\"“”]|\.\s+\w+\s+\w+\s|https?$|,.*,")
_WRAPPED = re.compile(r"[\[(<]([^\[\]()<>]+)[\])>]$")
BRACKETED = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_FROM = re.compile(r"(?<=\w) (?:from|at) (?=[A-Z])")  # "Eva from Acme"
SPEAKER = re.compile(r"(?:speaker|spk|person|participant|channel|voice)[\s_#-]*(?:\d{1,2}|[a-d])$", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d()\s-]{7,20}$")


def find_name(raw: str) -> str:
    """Return the name that a label is, or "" if it is none."""
    name = raw.strip(" \t\r*_\"'~>\u200e\u200f\u202a\u202c\ufeff")
    if wrapped := _WRAPPED.match(name):
        name = wrapped[1].strip()
    if SPEAKER.match(name) or (_NUMBER.match(name) and sum(map(str.isdigit, name)) > 6):
        return name
    plain = _FROM.sub(" ", BRACKETED.sub(" ", name)).strip()
    tokens = plain.lower().split()
    if not 0 < len(tokens) < 6 or not any(map(str.isalpha, plain)) or _NO_NAME.search(plain):
        return ""
    if is_role(name):
        return name
    if not _FUNCTION_WORDS.isdisjoint(tokens) or tokens[0].strip(".,") in (_FIELDS if len(tokens) == 1 else _FIELDS - _PARTICLES):
        return ""
    return name


def is_proper(name: str) -> bool:
    """Tell whether a name is written as a person's is, or says its bearer's part."""
    tokens = [token for token in _FROM.sub(" ", BRACKETED.sub(" ", name)).split() if token.lower() not in _PARTICLES]
    return "@" in name or plays(name) or not any(token[0].islower() for token in tokens)


def plays(name: str) -> bool:
    """Tell whether a name says its bearer's part, and cannot be a thing that is judged."""
    return name_role(name) is not None and not THINGS.search(name)


def name_key(name: str) -> str:
    """Return what two spellings of a name have in common."""
    return " ".join(name.lower().split())
