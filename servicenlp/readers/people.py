"""Who a sender is: roles told by a word, an address, a flag, or by the company that a name keeps."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import median
from typing import Any

from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, SYSTEM
from servicenlp.speakers import name_role, name_roles

# Words in the names of roles, in the languages of exports; a name of several words is taken apart.
_WORDS = {
    CUSTOMER: "customer cust client user enduser requester visitor consumer buyer guest caller patient member passenger shopper "
    "subscriber lead contact external reporter complainant student tenant citizen borrower policyholder traveler traveller "
    "reviewer purchaser prospect human inbound incoming in received mo learner applicant resident claimant "
    "kunde kundin kunden besucher anrufer benutzer eingehend client cliente clientes usuario usuaria visitante entrante utente "
    "appelant demandeur entrant utilisateur klant bezoeker inkomend klient klientka odwiedzający kund asiakas müşteri клиент "
    "пользователь お客様 顧客 ユーザー 客户 顾客 고객",
    AGENT: "agent representative rep support supporter csr csa advisor adviser operator staff employee admin administrator "
    "assistant seller merchant team teammate internal outbound outgoing out sent mt moderator consultant specialist manager "
    "supervisor associate helpdesk service company brand business vendor host personnel technician engineer counselor counsellor "
    "provider teamleader responder officer clerk banker teller concierge receptionist crew expert owner developer "
    "mitarbeiter mitarbeiterin berater beraterin kundenservice kundendienst kundenbetreuer ausgehend agente asesor asesora operador "
    "operadora atendente empleado saliente consulente operatore conseiller conseillère agente opérateur sortant medewerker "
    "uitgaand konsultant doradca obsługa pracownik asiakaspalvelija temsilci агент оператор 担当者 担当 オペレーター サポート 客服 상담원",
    BOT: "bot chatbot robot ai automated ivr autoresponder answerbot virtual llm gpt voicebot autoreply ボット",
    SYSTEM: "system event notification trigger timer automation acd workflow log info status sistema système systeem システム",
    NOTE: "note private notes notiz nota メモ",
}
_ROLE = {word: role for role, words in _WORDS.items() for word in words.split()}
# These tell a role only where they are the whole name.
_ALONE = set(
    "in out i mo mt sent received human host note notes nota private internal external contact lead expert owner crew log info".split()
)
# A customer service is no customer, and an agent that is virtual is a bot; a note by an agent is a note.
_ORDER = (NOTE, BOT, AGENT, CUSTOMER, SYSTEM)
_FILLERS = {"message", "messages", "msg", "text", "reply", "response", "utterance", "comment", "from", "by", "the", "a"}
_SPLIT = re.compile(r"[^\W\d_]+")
_NOTES = re.compile(r"\b(?:internal|private|agent|staff|work) (?:notes?|comments?|messages?|memo)\b")
_APART = re.compile(r"\w+ ?[-:(/|]|.*[(\[]\w+[)\]]$")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SUPPORT = re.compile(
    r"^(?:[\w.+-]*(?:support|helpdesk|service|helpcenter|customer[._-]?care|no-?_?reply|do-?not-?reply)[\w.+-]*|"
    r"help|care|info|contact|hello|hi|team|office|sales|billing|orders?|feedback|complaints?|kontakt|kundendienst|soporte|ayuda|"
    r"ajuda|assistenza|aide|contacto|contato|reservations?|bookings?|returns|claims)@",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+'%-]+@([\w-]+(?:\.[\w-]+)+)")


@lru_cache(maxsize=4096)
def role_of(name: str) -> str | None:
    """Return the role that a word or a few tell, or None.

    Examples
    --------
    >>> role_of("END_USER"), role_of("Customer Service Rep"), role_of("VirtualAgent"), role_of("Dana Okafor")
    ('customer', 'agent', 'bot', None)
    >>> role_of("MessageToVisitor")
    'agent'
    """
    words = [word.lower() for word in _SPLIT.findall(_CAMEL.sub(" ", name)[:200])]
    if not words or "@" in name:
        return None
    words = [word for word in words if word not in _FILLERS] or words
    if len(words) == 1:
        return _ROLE.get(words[0]) or name_role(name)
    if _NOTES.search(" ".join(words)):
        return NOTE
    if "to" in words[:-1] and "from" not in words:  # "MessageToVisitor"
        return {CUSTOMER: AGENT, AGENT: CUSTOMER}.get(role_of(" ".join(words[words.index("to") + 1 :])) or "")
    roles = {_ROLE.get(word) for word in words if word not in _ALONE}
    known = [role for role in _ORDER if role in roles]
    # A person may be named by such a word ("Ann Guest"): only where most words are such, or it stands apart.
    if known and (sum(word in _ROLE for word in words) * 2 > len(words) or _APART.match(name)):
        return CUSTOMER if words == ["end", "user"] else known[0]
    return name_role(name)


def are_users_agents(words: Iterable[str]) -> bool:
    """Tell whether "user" means a user of the help desk: where others are called customers or contacts, and nobody agents.

    Examples
    --------
    >>> are_users_agents(["user", "contact"]), are_users_agents(["user", "admin"]), are_users_agents(["user", "bot"])
    (True, False, False)
    """
    roles = {word: role_of(word) for word in {word.strip().lower() for word in words}}
    return "user" in roles and AGENT not in roles.values() and CUSTOMER in {role for word, role in roles.items() if word != "user"}


def address(value: Any) -> str:
    """Return the first mail address in a text, in small letters; "" if there is none."""
    found = _ADDRESS.search(value) if isinstance(value, str) and "@" in value else None
    return found[0].lower() if found else ""


def domain(value: Any) -> str:
    """Return the domain of the first mail address in a text; "" if there is none."""
    return address(value).rpartition("@")[2]


def is_support(value: Any) -> bool:
    """Tell whether a mail address is a company's by its name: support@, help@, noreply@."""
    return bool(_SUPPORT.match(address(value)))


class Company:
    """Tells agents from customers, of whom only names are known, by the company that they keep.

    Names seen in more conversations than others there are agents' names. Where this tells nothing,
    what is said tells; see `servicenlp.speakers.name_roles`.

    Examples
    --------
    >>> company = Company()
    >>> for conversation, name in [("1", "Ana"), ("1", "Bo"), ("2", "Cy"), ("2", "Bo")]:
    ...     company.see(conversation, name)
    >>> company.roles([("Ana", "It is late."), ("Bo", "Sorry.")])
    {'Ana': 'customer', 'Bo': 'agent'}
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()  # by name: in how many conversations
        self._known: set[int] = set()

    def see(self, conversation: str, name: str) -> None:
        """Take note of who speaks in a conversation."""
        if (pair := hash((conversation, name))) not in self._known:
            self._known.add(pair)
            self._seen[name] += 1

    def roles(self, said: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the role of each name in a conversation, of which (name, words) are given in order."""
        names = list(dict.fromkeys(name for name, _ in said))
        fewest = min((self._seen[name] for name in names), default=0)
        often = {name for name in names if self._seen[name] > fewest}
        if len(names) == 1 and self._is_everywhere(names[0]):
            often = set(names)
        if often:
            return {name: AGENT if name in often else CUSTOMER for name in names}
        return name_roles(said)

    def _is_everywhere(self, name: str) -> bool:
        """Tell whether someone who speaks alone is seen far more often than others are."""
        return self._seen[name] >= 3 and self._seen[name] >= 3 * median(self._seen.values())
