"""Mail, as `servicenlp.formats.mail` or a program that writes tables gives it: threads of customers and agents."""

import re
from collections import Counter
from collections.abc import Iterable

from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, SYSTEM, Message
from servicenlp.readers.guess import plain_name
from servicenlp.readers.people import address, domain, is_support
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, seconds, words
from servicenlp.readers.threads import Threads

# Where anybody may have an address; those of one house there do not work for one company.
_FREE = re.compile(
    r"^(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|me|mac|aol|gmx|web|t-online|freenet|proton|protonmail|mail|orange|"
    r"wanadoo|free|laposte|sfr|libero|tiscali|virgilio|wp|o2|onet|interia|qq|163|126|naver|daum|yandex|rediffmail|btinternet|sky|comcast|"
    r"verizon|att|fastmail|zoho|uol|bol|terra|docomo|ezweb|softbank|ziggo|kpnmail|bluewin|telenet|skynet)\.[a-z.]+$"
)
_ANSWER = re.compile(r"^\s*(?:(?:re|aw|antw|sv|vs|odp|rv|res|r|ré|回复|答复|返信)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE)
_POSTMASTER = re.compile(r"^(?:mailer-daemon|postmaster|bounces?)[@+]")


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take a table of mails: who wrote to whom, the words, and what names the thread or the message."""
    columns = {name: _column(sample, name) for name in ("from", "to", "body", "subject", "date", "message_id", "thread")}
    sender, body, own = columns["from"], columns["body"], columns["message_id"] or columns["thread"]
    if not (sender and body and own and columns["to"]) or not any(address(row.get(sender)) for row in sample.rows):
        return None
    answered = [column for column in sample.columns if plain_name(column) in ("inreplyto", "references")]
    threads = _threads(sample, columns, answered)
    desk = _Desk(sample, sender, options)

    def key(told: Record) -> str:
        return threads.find(_name(told, columns))

    firsts: dict[str, tuple[float, str]] = {}  # by thread: when it began, and who began it
    for told in sample.every_row() if not options.agent_domains else ():
        time = seconds(told.get(columns["date"] or ""))
        mail = address(told.get(sender))
        first = (time if time is not None else float("inf"), mail)
        if mail and not desk.is_machine(told) and ((thread := key(told)) not in firsts or first[0] < firsts[thread][0]):
            firsts[thread] = first

    def messages(told: Record) -> Iterable[Message]:
        role = desk.role(told, firsts.get(key(told), (0.0, ""))[1])
        yield Message(role, words(told.get(body)), seconds(told.get(columns["date"] or "")))

    uses = {"id": columns["thread"] or own, "text": body, "author": sender} | ({"time": columns["date"]} if columns["date"] else {})
    return Shape("mails by thread", uses, messages=messages, id_column=columns["thread"] or own, key=key)


_NAMES = {
    "from": ("from", "sender", "fromaddress", "fromemail", "senderemail", "von", "de", "mittente", "afzender"),
    "to": ("to", "recipient", "recipients", "toaddress", "toemail", "an", "para", "destinatario", "aan"),
    "body": ("body", "bodytext", "textbody", "plainbody", "bodyplain", "content", "text", "message", "messagebody", "bodyhtml", "htmlbody"),
    "subject": ("subject", "betreff", "objet", "asunto", "oggetto", "onderwerp"),
    "date": ("date", "sent", "sentat", "datesent", "received", "datereceived", "timestamp", "datum", "fecha"),
    "message_id": ("messageid", "mailid", "emailid"),
    "thread": ("thread", "threadid", "xgmthrid", "gmailthreadid", "conversationid", "threadindex"),
}


def _column(sample: Sample, what: str) -> str | None:
    known = {plain_name(column): column for column in reversed(sample.columns)}
    return next((known[name] for name in _NAMES[what] if name in known), None)


def _name(told: Record, columns: dict[str, str | None]) -> str:
    """Return what names a mail: its own id, else its thread, else itself."""
    names = (words(told.get(columns[what] or "")).strip() or str(told.get(columns[what] or "") or "") for what in ("message_id", "thread"))
    return next(filter(None, names), "") or f"{told.get(columns['from'] or '')} {told.get(columns['date'] or '')}"


def _threads(sample: Sample, columns: dict[str, str | None], answered: list[str]) -> Threads:
    """Join mails that answer one another; an answer that names no mail joins the last one of its subject."""
    threads = Threads()
    lost: list[tuple[str, str]] = []
    latest: dict[str, str] = {}
    for told in sample.every_row():
        own = _name(told, columns)
        others = [name for column in answered for name in words(told.get(column)).split()]
        thread = told.get(columns["thread"] or "")
        threads.add(own, "")
        for other in (*others, *([f"thread {thread}"] if thread else []), *([thread] if isinstance(thread, str) and "<" in thread else [])):
            threads.add(own, other)
        subject = words(told.get(columns["subject"] or ""))
        bare = " ".join(_ANSWER.sub("", subject).lower().split())
        people = sorted({address(told.get(columns["from"] or "")), address(told.get(columns["to"] or ""))} - {""})
        topic = f"{bare} {' '.join(people)}"
        if bare and not others and _ANSWER.match(subject):
            lost.append((own, topic))
        elif bare and not others:
            latest[topic] = own
    for own, topic in lost:
        threads.add(own, latest.get(topic) or f"topic {topic}")
    return threads


class _Desk:
    """Tells who of the senders answers for the company."""

    def __init__(self, sample: Sample, sender: str, options: Options) -> None:
        self._sender = sender
        self._options = options
        self._owner = next((c for c in sample.columns if plain_name(c) in ("deliveredto", "xoriginalto")), "")
        self._labels = next((c for c in sample.columns if plain_name(c) in ("labels", "xgmaillabels", "folder", "mailbox")), "")
        self._reply_to = next((c for c in sample.columns if plain_name(c) == "replyto"), "")
        self._auto = next((c for c in sample.columns if plain_name(c) == "autosubmitted"), "")
        owners: Counter[str] = Counter()
        houses: set[str] = set()
        for told in sample.every_row() if not options.agent_domains else ():
            owners[address(told.get(self._owner))] += 1
            if is_support(told.get(sender)) or self._is_sent(told):
                houses.add(domain(told.get(sender)))
        del owners[""]
        # Whose mailbox it is gets most of the mails.
        self._owners = {mail for mail, n in owners.most_common(1) if n > 1 or is_support(mail)}
        houses |= {mail.rpartition("@")[2] for mail in self._owners}
        self._houses = {house for house in houses if house and not _FREE.match(house)}

    def _is_sent(self, told: Record) -> bool:
        return bool(re.search(r"\b(?:sent|gesendet|enviados?|envoyés?|inviata|verzonden)\b", words(told.get(self._labels)), re.IGNORECASE))

    def is_machine(self, told: Record) -> bool:
        """Tell whether no person wrote a mail, or nobody got it."""
        return bool(
            words(told.get(self._auto))
            or _POSTMASTER.match(address(told.get(self._sender)))
            or re.search(r"\b(?:drafts?|entwürfe)\b", words(told.get(self._labels)), re.IGNORECASE)
        )

    def role(self, told: Record, first: str) -> str:
        """Return the role of a mail's sender, given who began the thread."""
        if self.is_machine(told):
            return SYSTEM
        mail = address(told.get(self._sender))
        if self._options.agent_domains:
            return AGENT if from_agent(mail, self._options) else CUSTOMER
        if self._is_ours(mail) or self._is_sent(told):
            # A form on a web site writes in its own name, and says to whom to reply.
            reply_to = address(told.get(self._reply_to))
            return CUSTOMER if reply_to and not self._is_ours(reply_to) and not self._is_sent(told) and mail == first else AGENT
        # The customer began it, unless that was one of ours: then it is whoever is not.
        ours_first = self._is_ours(first)
        same_house = domain(mail) == domain(first) and not _FREE.match(domain(mail))
        return CUSTOMER if ours_first or mail == first or same_house or not first else AGENT

    def _is_ours(self, mail: str) -> bool:
        return is_support(mail) or mail in self._owners or mail.rpartition("@")[2] in self._houses
