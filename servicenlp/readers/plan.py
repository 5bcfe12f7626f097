"""Which column of a table of messages tells what: the conversation, the words, who speaks, and when."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, SYSTEM
from servicenlp.readers.guess import Traits, is_of_agents, is_other, is_reply, plain_name, side_of, text_rank
from servicenlp.readers.people import are_users_agents, role_of
from servicenlp.readers.shape import Sample, ident, mapping, seconds, truth

# What a conversation is called, best first; the last few may also stand in a table of one row a conversation.
_TALKS = (
    "conversation convo conv thread dialogue dialog transcript chat session ticket case call recording interaction discussion "
    "konversation "
    "gesprach vorgang fall unterhaltung conversacion conversa caso chamado atendimento conversazione discussione echange dossier "
    "gesprek zaak zgłoszenie sprawa rozmowa watek kejs 会話 チケット 案件 スレッド 对话 会话 工单 대화 "
    "диалог диалога чат чата тикет тикета обращение обращения разговор konusma gorusme arende samtal samtale keskustelu "
    "incident issue request enquiry inquiry complaint engagement room group topic parent reference order contact customer client user "
    "phone phonenumber"
).split()
_WEAK = _TALKS.index("incident")
_KINDS_TOO = set("incident issue request enquiry inquiry complaint engagement group topic order".split())
_ID_ENDS = "id|ids|number|no|nr|num|key|ref|reference|uuid|guid|sid|slug|code|name|nummer|numero|番号|編号|ts"
TALK_ID = re.compile(
    rf"^(?:source|external|original|support|live|email|mail|unique|identifiant|identificador|identificativo|kennung|номер|id|numero|nummer|nr|no|n|ref)?(?:de|del|della|do|da|du)?(?:la|le|l|el)?"
    rf"(?P<talk>{'|'.join(sorted(_TALKS, key=len, reverse=True))})s?(?:source|external|public|thread)?(?P<end>{_ID_ENDS})?$"
)
_SHORT_IDS = {"cid": "conversation", "csid": "conversation", "convid": "conversation", "waid": "phone", "msisdn": "phone"}
_ROLE_NAME = re.compile(
    r"role|author|sender|^from|speaker|direction|usertype|participant|party|actor|inbound|incoming|outbound|outgoing|^isagent|^iscustomer|"
    r"^isstaff|^staff$|^user(?:is)?(?:staff|admin|agent|customer|bot)$|^isuser|^isadmin|^isoperator|^isbot|^who$|^side$|^source$|^by$|^user$|^type$|^messagetype$|persona$|^entity|^origin|writer|"
    r"^initiator|(?:posted|sent|written|created|said|comment|commented|message|reply|entered|added)by|commenter|interlocutor|absender|autor|auteur|remitente|remetente|mittente|afzender|отправител|автор|^роль|gonderen|avsandare|afsender|lahettaja|rolle$|^rol$|ruolo|"
    r"^rola$|nadawca|emisor|expediteur|sprecher|hablante|parlante|locuteur|spreker|richtung|direccion|direzione|richting|direcao|kierunek|"
    r"送信者|発言者|話者|差出人|投稿者|方向|发送者|角色|발신자|^name$|^username$|^handle$|^screenname|^agent$|^customer$|^fromme$|^isreply$|"
    r"^automated|^isauto|^userid$|^email$|^mail$|^von$|^de$|^da$|^van$|^od$"
)
_NOT_ROLES = re.compile(
    r"^(?:last|first|assigned|assignee|closed|updated|initiated|resolved|opened|number|total)|count$|date$|time$|(?:^|[^b])at$"
)
_IS_CUSTOMER = re.compile(
    r"^(?:user|author|sender)?(?:is)?(?:from)?(?:inbound|incoming|customer|client|user|visitor|enduser)(?:message)?$|^iscustomer|^isuser|^byuser$"
)
_IS_AGENT = re.compile(
    r"^(?:user|author|sender)?(?:is)?(?:from)?(?:outbound|outgoing|agent|staff|admin|operator|company|support|employee|me|seller|business)(?:message|reply)?$|^isreply$"
)
_IS_BOT = re.compile(
    r"^(?:is)?(?:from|by|user|author|sender)?(?:is)?(?:bot|automated|automatic|auto)(?:message|reply|response|generated)?$"
)
PRIVATE = re.compile(
    r"^(?:is)?(?:private|internal|interne?|interna|interno|note|internalnote|privatenote|internalcomment|internalonly|agentonly)(?:note|comment|message)?$"
)
_PUBLIC = re.compile(r"^(?:is)?(?:public|published|customervisible|visibletocustomer)$")
_KIND = re.compile(
    r"^(?:(?:message|event|comment|part|entry|item|activity|record|content|post|communication)?(?:type|kind|subtype)|visibility)$"
)
_TIME = re.compile(
    r"^(?:message|comment|event|chat|msg|sent|utterance)?(?:timestamp|time|datetime|date|ts|createdat|created|createdtime|createddate|createddatetime|createdutc|createdon|"
    r"creationdate|creationtime|sentat|sent|sentdate|senttime|sentdatetime|senton|postedat|posted|publishedat|starttime|startedat|start|offset|beginoffset|"
    r"zeitstempel|datum|zeit|uhrzeit|gesendetam|erstelltam|horodatage|heure|datedenvoi|fecha|hora|fechahora|data|dataora|ora|datahora|"
    r"tijdstip|tijd|godzina|znacznikczasu|日時|日付|送信日時|時刻|时间|시간|дата|время|датаивремя|tarih|zaman)(?:utc|gmt|ms|sec|seconds|local)?$"
)
_TURN = re.compile(
    r"^(?:turn|turnid|turnnumber|turnno|turnindex|turnidx|utteranceid|utteranceindex|utteranceidx|sequence|sequenceno|sequencenumber|seq|seqno|"
    r"order|messageorder|messageindex|messagenumber|messageno|messageseq|position|index|idx|line|lineno|linenumber|step|utterancenumber|"
    r"commentnumber|messagesequence|no|nr)$"
)
_PARTY = re.compile(
    r"^(?:(?P<customer>customer|client|requester|visitor|contact|enduser)|agent|assignee|rep|operator|employee)(?:name|id|email)?$"
)
_LETTERS = {"c": CUSTOMER, "u": CUSTOMER, "a": AGENT, "r": AGENT, "b": BOT}
MANY = 20_000  # rows in which repeated ids are sought, where the first ones hold none


@dataclass(frozen=True)
class Plan:
    """Which column tells what."""

    id: str
    text: str
    time: str | None
    turn: str | None
    roles: tuple[str, ...]
    name: str | None
    flags: tuple[str, ...]
    hidden: tuple[str, ...]
    kinds: tuple[str, ...]
    sides: tuple[tuple[str, str], ...]  # where a row holds both what a customer and what an agent said
    parties: tuple[tuple[str, str], ...]  # columns that name the conversation's customer or agent
    first: int  # number of a conversation's first turn


class Speaks:
    """Columns whose cells tell who speaks, and how each of their cells is read."""

    def __init__(self, sample: Sample, options: Options) -> None:
        self.options = options
        self.readings: dict[str, Callable[[Any], str | None]] = {}
        self.both: set[str] = set()  # columns that hold both a customer and an agent
        for column in sample.columns:
            name = plain_name(column)
            if not _ROLE_NAME.search(name) or _NOT_ROLES.search(name):
                continue
            cells = [cell for row in sample.rows if not _is_empty(cell := row.get(column))]
            if reading := self._reading(name, cells):
                self.readings[column] = reading
                if {CUSTOMER, AGENT} <= {reading(cell) for cell in cells}:
                    self.both.add(column)

    def _reading(self, name: str, cells: list[Any]) -> Callable[[Any], str | None] | None:
        """Return how to read a column's cells as roles, or None if they tell none."""
        values = {scalar(cell).strip().lower() for cell in cells}
        if not values:
            return None
        if all(truth(cell) is not None for cell in cells):
            for pattern, yes, no in ((_IS_CUSTOMER, CUSTOMER, AGENT), (_IS_AGENT, AGENT, CUSTOMER), (_IS_BOT, BOT, None)):
                if pattern.search(name):
                    answers: dict[bool | None, str | None] = {True: yes, False: no}
                    return lambda cell, answers=answers: answers.get(truth(cell))  # type: ignore[misc]
            return None
        if values <= set(_LETTERS) and not name.endswith("id"):
            return lambda cell: _LETTERS.get(scalar(cell).strip().lower())
        told = Counter(role_of(scalar(cell)) for cell in cells)
        known = sum(told.values()) - told[None]
        if known < 0.2 * len(cells) or not (told[CUSTOMER] or told[AGENT]):
            return None
        # In talks of "user" and "system", the system is whoever answers.
        system = AGENT if told[CUSTOMER] and told[SYSTEM] and not told[AGENT] + told[BOT] else SYSTEM
        # Where one side is called by its role, names are those of the other side.
        rest = None if told[CUSTOMER] and told[AGENT] else AGENT if told[CUSTOMER] else CUSTOMER
        rest = rest if told[None] else None
        told_of_users = are_users_agents(values)

        def reading(cell: Any) -> str | None:
            role = AGENT if told_of_users and scalar(cell).strip().lower() == "user" else role_of(scalar(cell))
            return system if role == SYSTEM else role or (rest if scalar(cell).strip() else None)

        return reading


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or cell != cell


def scalar(cell: Any) -> str:
    """Return a cell as a word; of an object the field that names a role, or a person."""
    if isinstance(cell, str | int | float | bool):
        return ident(cell) if not isinstance(cell, str) else "" if cell.lower() in ("nan", "null", "none") else cell
    told = {key.lower(): value for key, value in mapping(cell).items()}
    if truth(told.get("bot", told.get("is_bot"))):
        return "bot"
    for key in ("role", "type", "user_type", "name", "display_name", "email", "id"):
        if isinstance(told.get(key), str | int) and told[key]:
            return str(told[key])
    return ""


def talk_column(sample: Sample, looks: dict[str, Traits], speaks: Speaks) -> str | None:
    """Return the column that names the conversation, or None if rows are not messages."""
    found: list[tuple[int, str]] = []
    for column in sample.columns:
        name = plain_name(column)
        match = TALK_ID.match(_SHORT_IDS.get(name, name))
        if (
            match
            and _names_one(match, sample, column)
            and column not in speaks.both
            and looks[column].words <= 3
            and any(ident(row.get(column)) for row in sample.rows)
        ):
            found.append((_TALKS.index(match["talk"]), column))
    sides = bool(_sides(sample, looks))
    named = any(_is_name(name := plain_name(column)) or (name == "channel" and _are_sides(sample, column)) for column in sample.columns)
    ordered = any(_TIME.match(plain_name(column)) or _TURN.match(plain_name(column)) for column in sample.columns)
    for rank, column in sorted(found, key=lambda one: one[0]):
        told = sides or (bool(speaks.both - {column}) if rank < _WEAK else _talk_together(sample, column, speaks))
        if repeats(sample, column) and (told or (rank < _WEAK and (named or ordered) and share_repeated(sample, column) >= 0.5)):
            return column
    # Conversations of one message each: only an explicit column of roles tells them from tickets, which have no chats' ids.
    explicit = [c for c in speaks.readings if re.search(r"role|sender|author|speaker|direction|^from", plain_name(c))]
    told = not speaks.both.isdisjoint(explicit)
    return next((c for rank, c in sorted(found) if rank < (_WEAK if told else _TALKS.index("ticket") if explicit else 0)), None)


def _talk_together(sample: Sample, column: str, speaks: Speaks) -> bool:
    """Tell whether a customer and an agent speak under one id, which is a person's otherwise."""
    roles: dict[str, set[str | None]] = {}
    for row in islice(sample.every_row(), MANY):
        told = roles.setdefault(ident(row.get(column)), set())
        told |= {speaks.readings[other](row.get(other)) for other in speaks.both - {column}}
    return any({CUSTOMER, AGENT} <= told for name, told in roles.items() if name)


def _names_one(match: re.Match[str], sample: Sample, column: str) -> bool:
    """Tell whether a column names one conversation rather than a kind: an "Issue" may be "Fees", an "Issue ID" not."""
    if match["end"] or match["talk"] not in _KINDS_TOO:
        return True
    cells = [cell for row in sample.rows if (cell := ident(row.get(column)))]
    return sum(any(map(str.isdigit, cell)) for cell in cells) * 2 > len(cells)


def repeats(sample: Sample, column: str) -> bool:
    """Tell whether several rows have the same id; only a few more than the first ones are looked at."""
    for rows in (sample.rows, islice(sample.every_row(), MANY)):
        counts = Counter(filter(None, (ident(row.get(column)) for row in rows)))
        if any(n > 1 for n in counts.values()):
            return True
    return False


def share_repeated(sample: Sample, column: str) -> float:
    """Return which share of rows have an id that another row has too; a row that repeats another one does not count."""
    rows = {repr(row): ident(row.get(column)) for row in islice(sample.every_row(), 2000)}
    counts = Counter(filter(None, rows.values()))
    return sum(n for n in counts.values() if n > 1) / max(1, counts.total())


def text_column(sample: Sample, looks: dict[str, Traits], taken: set[str], options: Options) -> str | None:
    """Return the column of a message's words."""
    if options.text_column:
        return options.text_column if options.text_column in sample.columns else None
    open_ = [column for column in sample.columns if column not in taken and looks[column].data < 0.5]
    ranked = [(rank, column) for column in open_ if (rank := text_rank(column)) is not None and looks[column].words >= 1.5]
    best = [(is_of_agents(c), -looks[c].words, c) for c in open_ if looks[c].words >= 2 and not is_other(c)]
    return min(ranked)[1] if ranked else min(best)[2] if best else None


def _is_name(name: str) -> bool:
    others = ("type", "messagetype", "source", "direction", "agent", "customer")
    return bool(_ROLE_NAME.search(name)) and not _NOT_ROLES.search(name) and name not in others


def make_plan(sample: Sample, looks: dict[str, Traits], speaks: Speaks, talk: str, text: str) -> Plan:
    """Tell what each column is for, where those of the conversation and the words are known."""
    columns = [column for column in sample.columns if column not in (talk, text)]
    plain = {column: plain_name(column) for column in columns}
    flags = tuple(column for column in columns if PRIVATE.match(plain[column]) or _PUBLIC.match(plain[column]))
    # The column that tells both sides apart comes first; of those one that says "role" before a direction, which may be the call's.
    order = sorted(
        (c for c in speaks.readings if c in plain),
        key=lambda c: (c not in speaks.both, not re.search("role|type", plain[c]), "direction" in plain[c]),
    )
    names = [c for c in columns if _is_name(plain[c]) and c not in speaks.both and looks[c].words <= 5]
    names = [c for c in names if "speaker" in plain[c] or not _all_flags(sample, c)]
    # Of a call each side is recorded in a channel of its own: 0 and 1, left and right.
    names += [c for c in columns if plain[c].startswith("channel") and _are_sides(sample, c)]
    names.sort(key=lambda c: (not re.search("author|sender|from|speaker|user|autor|auteur|absender|送信", plain[c]), "id" in plain[c]))
    times = [c for c in columns if _TIME.match(plain[c]) and _are_times(sample, c)]
    times.sort(key=lambda c: not plain[c].startswith(("message", "timestamp", "sent", "created")))
    turn = next((c for c in columns if _TURN.match(plain[c]) and _are_numbers(sample, c)), None)
    hidden = tuple(column for column in columns if plain[column].endswith("visibility"))
    kinds = tuple(c for c in columns if _KIND.match(plain[c]) and c not in order and c not in names)
    parties = tuple((c, CUSTOMER if found["customer"] else AGENT) for c in columns if (found := _PARTY.match(plain[c])))
    numbers = [int(ident(row.get(turn))) for row in sample.rows if turn and ident(row.get(turn)).isdecimal()]
    who = next((c for c in names if c not in dict(parties)), None)
    time = times[0] if times else None
    return Plan(talk, text, time, turn, tuple(order), who, flags, hidden, kinds, _sides(sample, looks), parties, min(numbers, default=0))


def _sides(sample: Sample, looks: dict[str, Traits]) -> tuple[tuple[str, str], ...]:
    """Return the columns of what each side said, where a row holds an exchange; none where it holds one message."""
    found = tuple((c, side) for c in sample.columns if looks[c].words >= 1.5 and not looks[c].choice and (side := side_of(c)))
    # A reply comes after what it answers, wherever its column stands.
    return tuple(sorted(found, key=lambda one: is_reply(one[0]))) if len({side for _, side in found}) > 1 else ()


def _are_sides(sample: Sample, column: str) -> bool:
    found = {scalar(row.get(column)).lower() for row in sample.rows} - {""}
    return len(found) == 2 and (all(len(name) == 1 for name in found) or found == {"left", "right"})


def _all_flags(sample: Sample, column: str) -> bool:
    return all(truth(row.get(column)) is not None for row in sample.rows if not _is_empty(row.get(column)))


def _are_times(sample: Sample, column: str) -> bool:
    cells = [cell for row in sample.rows if not _is_empty(cell := row.get(column))]
    return bool(cells) and sum(seconds(cell) is not None for cell in cells) >= 0.9 * len(cells)


def _are_numbers(sample: Sample, column: str) -> bool:
    cells = [ident(cell) for row in sample.rows if not _is_empty(cell := row.get(column))]
    return bool(cells) and all(cell.isdecimal() for cell in cells)
