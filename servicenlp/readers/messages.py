"""Any table with one row a message: which conversation it is of, who wrote it, and what."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, Message
from servicenlp.readers.guess import Traits, plain_name, traits
from servicenlp.readers.people import Company, address, role_of
from servicenlp.readers.plan import (
    MANY,
    PRIVATE,
    TALK_ID,
    Plan,
    Speaks,
    make_plan,
    repeats,
    scalar,
    share_repeated,
    talk_column,
    text_column,
)
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, is_hidden, seconds, truth, words
from servicenlp.readers.threads import Threads

_EVENTS = re.compile(
    r"^(?:event|system|status|assign|join|left|leave|participant|transfer|open|close|re-?open|snooz|unsnooz|tag|activity|notification|log|"
    r"line ?item|channel_|pinned_|tombstone|change|audit|escalat|timer|typing|conversation (?:start|end|closed)|chat (?:start|end))",
    re.IGNORECASE,
)
# What nobody says, where nobody is named.
_NOTICE = re.compile(
    r"[^.!?]{0,60}\b(?:(?:resolved|closed|assigned|reopened|transferred|marked|snoozed|muted|changed|added|removed)\b[^.!?]{0,40}\b(?:by|to)|"
    r"(?:joined|left|entered|ended)\b[^.!?]{0,20}\b(?:chat|conversation|session))\b[^.!?]{0,40}[.!]?\s*",
    re.IGNORECASE,
)
_ANSWERED = re.compile(
    r"^(?:in)?(?:response|reply|replied|repliedto|responding)to(?:the)?(?:tweet|message|status|comment|post)?(?:id)?$|"
    r"^parent(?:tweet|message|comment|post|status)(?:id)?$|^parentid$|^quotedmessageid$"
)
_OWN_ID = re.compile(r"^(?:tweet|message|msg|comment|post|status|event|record|row|line|entry|utterance|segment)?(?:uu|gu)?id$")
_END = {
    "from": re.compile(r"^(?:from|sender|source|src|origin)(?:number|phone|phonenumber|address|handle|no)?$"),
    "to": re.compile(r"^(?:to|recipient|destination|dst|target)(?:number|phone|phonenumber|address|handle|no)?$"),
}
_MAY_NAME = re.compile(r"id$|^id|number$|nummer$|kennung|номер|編号$|编号$|rating|score|stars")
_SPEAKER_ID = re.compile(r"^(?:author|sender|speaker)id$")
_DATES = [
    "%a %b %d %H:%M:%S %z %Y",
    *(f"{day}{time}" for day in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y") for time in (
        " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", ", %I:%M %p", ", %I:%M:%S %p", ""
    )),
]  # fmt: skip


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take a table whose rows share the ids of conversations, or answer one another."""
    if options.id_column and options.id_column not in sample.columns:
        found = ", ".join(map(repr, sample.columns[:8]))
        raise DataError(f"{sample.name}: no column {options.id_column!r}. Found {found}. Name one of them with --id-column.")
    looks = {column: traits([row.get(column) for row in sample.rows]) for column in sample.columns}
    speaks = Speaks(sample, options)
    if chain := _chain(sample) if not options.id_column else None:
        own, answered = chain
        text = text_column(sample, looks, {own, answered}, options)
        talk = talk_column(sample, looks, speaks)
        if text and not (talk and share_repeated(sample, talk) > 0.5):
            return _chained(sample, make_plan(sample, looks, speaks, own, text), own, answered, options)
    talk = options.id_column or talk_column(sample, looks, speaks)
    if talk is None:
        return _people(sample, looks, speaks) or _between(sample, looks, speaks, options) or _one_talk(sample, looks, speaks, options)
    text = text_column(sample, looks, {talk}, options)
    if text is None or (options.id_column and not repeats(sample, talk)):
        return None
    plan = make_plan(sample, looks, speaks, talk, text)
    plan = replace(plan, sides=()) if options.text_column else plan
    return _shape(sample, plan, lambda told: ident(told.get(talk)), options, talk)


def _between(sample: Sample, looks: dict[str, Traits], speaks: Speaks, options: Options) -> Shape | None:
    """Take messages that bear no conversation's id but both numbers, and a direction: those with one customer are a conversation."""
    plain = {column: plain_name(column) for column in sample.columns}
    source, target = (next((c for c in sample.columns if _END[end].match(plain[c])), None) for end in ("from", "to"))
    direction = next((c for c in speaks.both if "direction" in plain[c] or "inbound" in plain[c] or "incoming" in plain[c]), None)
    text = text_column(sample, looks, {c for c in (source, target) if c}, options)
    if not (source and target and direction and text):
        return None

    def other(told: Record) -> str:
        inbound = speaks.readings[direction](told.get(direction)) == CUSTOMER
        return ident(told.get(source if inbound else target))

    if max(Counter(filter(None, map(other, sample.rows))).values(), default=0) < 2:
        return None
    plan = replace(make_plan(sample, looks, speaks, source, text), roles=(direction,), name=None, parties=())
    return _shape(sample, plan, other, options, source)


def _one_talk(sample: Sample, looks: dict[str, Traits], speaks: Speaks, options: Options) -> Shape | None:
    """Take a file that is one conversation: both sides speak, in order, and no column could name another."""
    named = [c for c in sample.columns if TALK_ID.match(plain_name(c)) or _MAY_NAME.search(plain_name(c))]
    text = text_column(sample, looks, set(), options)
    if text is None or [c for c in named if not _OWN_ID.match(plain_name(c)) and not _SPEAKER_ID.match(plain_name(c))]:
        return None
    plan = make_plan(sample, looks, speaks, "", text)
    names = Counter(scalar(row.get(plan.name)).strip() for row in sample.rows) if plan.name else Counter()
    two = len(names) == 2 and min(names.values()) > 1 and "" not in names and (plan.time or plan.turn)
    if not (speaks.both & {c for c in plan.roles if re.search("role|sender|author|speaker|direction|^from", plain_name(c))} or two):
        return None
    return _shape(sample, plan, lambda told: "the only one", options, "")


def _people(sample: Sample, looks: dict[str, Traits], speaks: Speaks) -> Shape | None:
    """Take a table of the people who speak in another one: their ids, their names, their roles or whose ids they are."""
    plain = {column: plain_name(column) for column in sample.columns}
    own = next(
        (
            c
            for c in sample.columns
            if re.search(r"^(?:agent|user|customer|client|author|sender|participant|employee|member)?id$", plain[c])
        ),
        None,
    )
    named = any(re.search(r"name$|email$", name) for name in plain.values())
    if own is None or not named or any(looks[c].words >= 4 for c in sample.columns) or repeats(sample, own):
        return None
    told = next((c for c in speaks.readings if re.search("role|type", plain[c])), None)
    whose = {"agent": AGENT, "employee": AGENT, "customer": CUSTOMER, "client": CUSTOMER}.get(plain[own].removesuffix("id"), "")
    if told is None and not (whose and sample.columns[0] == own and len(sample.columns) <= 8):
        return None

    def role(row: Record) -> tuple[str, str]:
        return ident(row.get(own)), (speaks.readings[told](row.get(told)) or "") if told else whose

    return Shape("people", people=role)


def _date_format(sample: Sample, column: str) -> str | None:
    """Return how all times in a column are written, if that is one of the common ways but ISO.

    It is many times as fast as guessing at each, and tells whether the day or the month stands first.
    """
    cells = [words(row.get(column)).strip() for row in islice(sample.every_row(), MANY // 4)]
    dates = [cell for cell in cells if cell]
    return next((form for form in _DATES if dates and all(_read_date(date, form) for date in dates)), None)


def _read_date(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _clock(sample: Sample, plan: Plan) -> Callable[[Record], float | None]:
    """Return what tells a row's time; where all times of a conversation are equal the order of rows stays."""
    column = plan.time or plan.turn
    if column is None:
        return lambda told: None
    form = _date_format(sample, column)

    def clock(told: Record) -> float | None:
        value = told.get(column)
        return seconds((form and isinstance(value, str) and _read_date(value.strip(), form)) or value)

    return clock


def _key(told: Record, name: str) -> str:
    """Return a conversation's id; a message of none is one of its own."""
    return name or "(none) " + blake2b(repr(told).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _role(told: Record, plan: Plan, speaks: Speaks, options: Options) -> str:
    """Return the role of a message's author; the name if only the conversation can tell; "" for nobody."""
    for column in plan.flags:
        if truth(told.get(column)) is bool(PRIVATE.match(plain_name(column))):
            return NOTE
    if any(is_hidden(told.get(column)) for column in plan.hidden):
        return NOTE
    for kind in filter(None, (scalar(told.get(column)) for column in plan.kinds)):
        if (role := role_of(kind)) in (NOTE, BOT, SYSTEM):
            return role
        if kind.strip().lower() in ("internal", "private"):
            return NOTE
        if _EVENTS.match(kind):
            return SYSTEM
    if options.agent_domains:
        senders = [told.get(column) for column in (*plan.roles, plan.name) if column]
        if mail := next(filter(None, (address(scalar(sender)) for sender in senders)), ""):
            return AGENT if from_agent(mail, options) else CUSTOMER
    roles = [role for column in plan.roles if (role := speaks.readings[column](told.get(column)))]
    if BOT in roles or NOTE in roles:
        return BOT if BOT in roles else NOTE
    if roles and (plan.roles[0] in speaks.both or not plan.name):
        return roles[0]
    name = scalar(told.get(plan.name)).strip() if plan.name else ""
    if name and (party := {role for column, role in plan.parties if scalar(told.get(column)).strip() == name}):
        return party.pop()
    if not name and not roles and plan.roles and plan.roles[0] in speaks.both and _NOTICE.fullmatch(words(told.get(plan.text))):
        return SYSTEM
    return role_of(name) or (roles[0] if roles else "") or name


def _shape(sample: Sample, plan: Plan, talk: Callable[[Record], str], options: Options, id_column: str) -> Shape:
    speaks = Speaks(sample, options)
    clock = _clock(sample, plan)
    unknown = CUSTOMER
    if not plan.roles and not plan.name and plan.turn:
        unknown = ""  # turns are taken one after the other

    def messages(told: Record) -> Iterable[Message]:
        if plan.sides:
            for column, side in plan.sides:
                yield Message(side, words(told.get(column)), clock(told))
        elif text := words(told.get(plan.text)):
            yield Message(_role(told, plan, speaks, options) or unknown or _turn_taker(told, plan), text, clock(told))

    company = Company()
    roles = {CUSTOMER, AGENT, BOT, SYSTEM, NOTE}
    if any(_role(told, plan, speaks, options) not in roles | {""} for told in sample.rows):
        for told in sample.every_row():
            name = _role(told, plan, speaks, options)
            if name and name not in roles:
                company.see(_key(told, talk(told)), name)

    def settle(_told: Record, given: list[Message]) -> list[Message]:
        said = [(m.speaker, m.text) for m in sorted(given, key=lambda m: m.time or 0.0)]
        if all(speaker in roles for speaker, _ in said):
            return given
        known = company.roles([(name, text) for name, text in said if name not in roles])
        if CUSTOMER not in {speaker for speaker, _ in said} | set(known.values()):
            # Nobody asks? Then a name alone is a customer's, if an agent is there.
            known = dict.fromkeys(known, CUSTOMER) if AGENT in {speaker for speaker, _ in said} else known
        return [m._replace(speaker=m.speaker if m.speaker in roles else known[m.speaker]) for m in given]

    who = plan.roles[0] if plan.roles and (plan.roles[0] in speaks.both or not plan.name) else plan.name
    uses = (
        ({"id": id_column} if id_column else {})
        | {"text": plan.text}
        | ({"author": who} if who else {})
        | ({"time": plan.time} if plan.time else {})
    )
    return Shape("one message a row", uses, messages=messages, id_column=id_column, key=lambda told: _key(told, talk(told)), settle=settle)


def _turn_taker(told: Record, plan: Plan) -> str:
    """Return who speaks in a turn of which only the number is known: every other one is the customer's."""
    number = ident(told.get(plan.turn)) if plan.turn else ""
    return AGENT if number.isdecimal() and (int(number) - plan.first) % 2 else CUSTOMER


def _chain(sample: Sample) -> tuple[str, str] | None:
    """Return the columns of a message's own id and of the id of the one it answers."""
    own = [c for c in sample.columns if _OWN_ID.match(plain_name(c))]
    answered = [c for c in sample.columns if _ANSWERED.match(plain_name(c))]
    for one in answered:
        wanted = {ident(row.get(one)) for row in islice(sample.every_row(), MANY)} - {""}
        for mine in own:
            if wanted & {ident(row.get(mine)) for row in islice(sample.every_row(), MANY)}:
                return mine, one
    return None


def _chained(sample: Sample, plan: Plan, own: str, answered: str, options: Options) -> Shape:
    """Return the shape of messages that name the one they answer."""
    speaks = Speaks(sample, options)
    threads = Threads()
    for told in sample.every_row():
        mine, other = ident(told.get(own)), ident(told.get(answered))
        if mine:
            threads.add(mine, other)
            if not other and _role(told, plan, speaks, options) == AGENT:
                threads.cut(mine)  # what a company says to all begins a talk with each who answers
    shape = _shape(sample, plan, lambda told: threads.find(mine) if (mine := ident(told.get(own))) else "", options, own)
    return shape
