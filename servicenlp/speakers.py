"""Who speaks: what a name says about its bearer, and each name's part in its conversation."""

import re
from collections.abc import Sequence
from functools import lru_cache

CUSTOMER, AGENT, BOT, SYSTEM, NOTE = "customer", "agent", "bot", "system", "note"

# The bare labels of transcripts ("Agent: hello"), which mean the same wherever they stand.
ROLE_WORDS = {
    CUSTOMER: "customer|client|caller|user|buyer|guest|passenger|patient|member|visitor|me|cust",
    AGENT: "agent|rep|representative|support|advis[oe]r|operator|associate|specialist|staff|seller|assistant",
    BOT: "bot|chatbot|virtual assistant",
    SYSTEM: "system",
    NOTE: "note|private note|internal note",
}
_BARE = {role: re.compile(f"(?:{names})") for role, names in ROLE_WORDS.items()}

_BOTS = (
    r"(?:\b|chat|answer|help|support|virtual|ai)bot\b|\bvirtual (?:agent|assistant)|\bai (?:agent|assistant)|.\bai$|\baut(?:omat|o.?repl)"
)
_DESKS = (
    r"\b(?:customer|client|guest|member|user|technical|tech) (?:services?|svc|support|care|success|relations|experience)\b|"
    r"\b(?:help|service) ?desk\b|\bsupport\b|\bcsr\b|^(?:support|service|help|care|info|sales|contact|hello)@"
)
# What a name says about its bearer, the most particular first. Of the words of a role only those
# that are hardly anyone's surname count at its end.
_IN_NAMES = [
    (NOTE, re.compile(r"\b(?:internal|private|whisper)\b|\bnote$")),
    (BOT, re.compile(_BOTS)),
    (SYSTEM, re.compile(r"^(?:system|system message|notification|event|info)$")),
    (AGENT, re.compile(_DESKS)),
    (AGENT, re.compile(rf"^(?:{ROLE_WORDS[AGENT]}|supervisor|officer|clerk|team)\b|\bagent\b")),
    (
        AGENT,
        re.compile(r"\b(?:agent|rep|representative|advis[oe]r|operator|specialist|supervisor|team)\d*$|\w (?:kunden)?(?:service|dienst)$"),
    ),
    (CUSTOMER, re.compile(rf"^(?:{ROLE_WORDS[CUSTOMER].replace('|me|', '|')}|shopper|end.?user)\b")),
    (
        CUSTOMER,
        re.compile(
            r"\b(?:customer|client|caller|visitor|end.?user|requester)\d*$|^(?:requester|consumer|subscriber|citizen|taxpayer|tenant|resident|travell?er)$"
        ),
    ),
]
# In brackets after a name, more words are beyond doubt.
_IN_BRACKETS = [
    (BOT, re.compile(r"bot\b|virtual|\bauto|\bai\b")),
    (NOTE, re.compile(r"\bnote|private|internal note|whisper")),
    (AGENT, re.compile(rf"{_DESKS}|\b(?:care|team|service)\b")),
    (CUSTOMER, re.compile(rf"\b(?:{ROLE_WORDS[CUSTOMER]}|end.?user|requester|external|shopper|consumer|subscriber)\b")),
    (
        AGENT,
        re.compile(
            rf"\b(?:{ROLE_WORDS[AGENT]}|manager|supervisor|service|team|care|consultant|technician|admin|administrator|host|expert|"
            r"success|sales|internal|owner|employee|staff member|you)\b"
        ),
    ),
    (SYSTEM, re.compile(r"^system")),
]
_FROM_COMPANY = re.compile(r"\w (?:from|at|@) ?[A-Z]")
_CAPITAL_BOT = re.compile(r"[A-Za-z]{2}Bot\b|[A-Z]_BOT\b")  # PayBot, but not Talbot
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")

_SAID_BY_AGENTS = re.compile(
    r"\b(?:how (?:can|may|could) (?:i|we) (?:help|assist|be of)|(?:what|how) can i do for you|"
    r"(?:happy|glad|pleased|here) to (?:help|assist)|"
    r"(?:help|assist) you (?:today|with (?:that|this|your))|anything else (?:i|we) can|anything else .{0,20}(?:help|assist)|"
    r"than(?:ks|k you) (?:(?:so|very) much )?for (?:contacting|calling|reaching|chatting|getting in touch|your patien|waiting|holding|"
    r"bearing|choosing|confirming|verifying|providing|being a|letting (?:us|me) know)|"
    r"my name is \w+[^?\n]{0,25}\b(?:i'?ll|i will|i'?m|how)\b|my name is \w+ (?:and|from|with)|"
    r"you(?:'re| are) (?:now )?(?:chatting|speaking|through) |"
    r"let me (?:just |quickly |go ahead and )?(?:check|look|pull|see|find|verify|transfer|connect|take a look|get that)|"
    r"(?:i'?m|we'?re|we are|i am) (?:so |very |really |truly |terribly )?sorry "
    r"(?:for (?:the|any|this|that|your|our)|to hear|about (?:that|this))|"
    r"sorry (?:for (?:the|any|your) (?:inconvenience|delay|trouble|wait)|to hear)|apologi[sz]e|apologies|"
    r"i (?:\w+ )?understand (?:your|how)|"
    r"(?:may|can|could) i (?:please )?(?:have|get|take|ask for) your|(?:could|can|would) you (?:please )?(?:confirm|provide|verify)|"
    r"please (?:provide|confirm|verify|bear with|allow me)|your (?:full name|order number|account number|reference number|date of birth)|"
    r"(?:i|we)(?:'ve| have) (?:just )?(?:issued|processed|escalated|refunded|raised|forwarded|applied|credited|arranged|checked)|"
    r"(?:i|we)(?:'ll| will) (?:\w+ )?(?:refund|escalate|process|issue|arrange|send you|transfer you|look into|make sure|check)|"
    r"wie (?:kann|darf) ich (?:ihnen |dir )?(?:be)?(?:weiter)?helfen|(?:comment|en quoi) puis-je vous aider|"
    r"en qu[eé] (?:le |te )?puedo ayudar|"
    r"come posso aiutar|waarmee kan ik (?:u |je )?helpen|como posso (?:te )?ajudar|w czym mog[eę] pom[oó]c|"
    r"on our (?:end|side)|our (?:records|system|policy)|welcome to|"
    r"have a (?:great|nice|lovely|good|wonderful|pleasant) (?:day|evening|weekend|rest))",
    re.IGNORECASE,
)
_SAID_BY_CUSTOMERS = re.compile(
    r"\b(?:my (?:order|account|parcel|package|bill|invoice|card|subscription|delivery|flight|booking|password|phone|internet|refund|bag|"
    r"money|payment|router|laptop|reservation|room|item|ticket|car|contract|bank)|"
    r"i (?:ordered|bought|paid|received|was charged|need(?: some)? help|"
    r"can'?t (?:log|get|access|find my)|never|want|still|am trying|have been)|i'?ve been|(?:can|could) you help|help me|"
    r"you (?:people|guys|charged|promised)|where(?:'s| is| are) my)",
    re.IGNORECASE,
)
_SAID_BY_BOTS = re.compile(
    r"\bi(?:'m| am) (?:a|an|the|your) (?:\w+ ){0,3}(?:\w*bot|(?:virtual|ai|digital) (?:assistant|agent)|automated)\b|this is an automated",
    re.IGNORECASE,
)
_PRESENTED = re.compile(
    r"\b(?P<role>agent|operator|representative|advis[oe]r|specialist|visitor|customer|client)s?(?:[ \t]+name)?[ \t]*[: ][ \t]*"
    r"(?P<name>[^\n:,<*]{2,40}?)(?=[ \t]+(?:has|have|joined|left|entered|is|was|accepted|ended)\b|[ \t]*(?:$|[.<*(]))|"
    r"(?:chatting|connected|speaking|transferred|talking) (?:with|to) (?:agent )?"
    r"(?P<agent>[^\n:,<.*]{2,40}?)(?=[ \t]+from\b|[ \t]*(?:$|[.!<*(]))",
    re.IGNORECASE | re.MULTILINE,
)


def name_role(name: str, domains: Sequence[str] = ()) -> str | None:
    """Tell from a name alone what part its bearer has, or None.

    Parameters
    ----------
    name : str
        As an export writes it: "Sam (Support)", "Visitor 123", "AGENT", "eva@shop.example".
    domains : sequence of str
        Mail domains whose addresses are agents'; if there are any, all others are customers'.

    Examples
    --------
    >>> name_role("Sam (Support)"), name_role("Visitor 123"), name_role("HelpBot"), name_role("Sam")
    ('agent', 'customer', 'bot', None)
    """
    if domains and (address := _ADDRESS.search(name.lower())):
        return AGENT if address[1] in {domain.lower().lstrip("@") for domain in domains} else CUSTOMER
    return _role_of(name)


@lru_cache(4096)
def _role_of(name: str) -> str | None:
    if _CAPITAL_BOT.search(name):
        return BOT
    lowered = " ".join(name.replace("_", " ").lower().split())
    for role, pattern in _BARE.items():
        if pattern.fullmatch(lowered):
            return role
    for bracketed in _BRACKETS.findall(lowered):
        for role, pattern in _IN_BRACKETS:
            if pattern.search(bracketed):
                return role
    plain = _BRACKETS.sub(" ", lowered).strip(" -–|/,.")
    return next((role for role, pattern in _IN_NAMES if pattern.search(plain)), None)


@lru_cache(4096)
def is_role(name: str) -> bool:
    """Tell whether a name is nothing but a role: "Agent"."""
    return any(pattern.fullmatch(name.lower()) for pattern in _BARE.values())


def has_agent_phrase(words: str) -> bool:
    """Tell whether some words are such as agents say: "How can I help you today?"."""
    return _SAID_BY_AGENTS.search(words) is not None


def name_roles(said: Sequence[tuple[str, str]], domains: Sequence[str] = (), notices: str = "") -> dict[str, str]:
    """Tell the part of every name in a conversation.

    Names that say it come first, then what their bearers say. Where nothing tells, who speaks first
    is the customer.

    Parameters
    ----------
    said : sequence of (name, words)
        In the order in which it was said.
    domains : sequence of str
        See `name_role`.
    notices : str
        Lines that nobody says: "Agent Eva joined", "You are now chatting with Eva".

    Returns
    -------
    dict of str to str
        CUSTOMER, AGENT, BOT, SYSTEM or NOTE by name.

    Examples
    --------
    >>> name_roles([("Eva", "Thank you for calling, how can I help?"), ("Jo", "My parcel is lost.")])
    {'Eva': 'agent', 'Jo': 'customer'}
    """
    words: dict[str, list[str]] = {}
    for name, text in said:
        words.setdefault(name, []).append(text)
    presented = _presented(notices)
    roles = {name: name_role(name, domains) or presented.get(name.lower()) or _hinted(name, texts) for name, texts in words.items()}
    unknown = [name for name, role in roles.items() if role is None]
    agents = _agents({name: _weight(words[name]) for name in unknown}, {role for role in roles.values() if role})
    return {name: role or (AGENT if name in agents else CUSTOMER) for name, role in roles.items()}


def _presented(notices: str) -> dict[str, str]:
    """Return who is presented as what, in lower case: by the whole name and by its first part."""
    roles: dict[str, str] = {}
    for match in _PRESENTED.finditer(notices):
        name = (match["name"] or match["agent"]).strip().lower()
        role = AGENT if match["agent"] or not re.match("visitor|customer|client", match["role"].lower()) else CUSTOMER
        roles |= {name: role, name.split()[0]: role} if name else {}
    return roles


def _agents(weight: dict[str, int], known: set[str]) -> set[str]:
    """Choose the agents among names that say nothing, by their weights in the order of their first words."""
    if CUSTOMER in known:
        agents = {name for name in weight if weight[name] >= 0}
        return agents if agents or AGENT in known else set(weight)
    if len(weight) == 1:
        return set() if known else {name for name in weight if weight[name] > 0}
    customer = min(weight, key=lambda name: weight[name], default="")  # the first of them where all are alike
    others = {name for name in weight if name != customer}
    agents = {name for name in others if weight[name] > 0 or (weight[name] == 0 and AGENT not in known)}
    return agents if agents or AGENT in known else others


def _hinted(name: str, texts: list[str]) -> str | None:
    """Tell what a bot says of itself, and "Eva from Acme"."""
    if any(map(_SAID_BY_BOTS.search, texts)):
        return BOT
    return AGENT if _FROM_COMPANY.search(name) else None


def _weight(texts: list[str]) -> int:
    """Say how much more like an agent than like a customer someone speaks."""
    text = "\n".join(texts)
    return len(_SAID_BY_AGENTS.findall(text)) - len(_SAID_BY_CUSTOMERS.findall(text))
