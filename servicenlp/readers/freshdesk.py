"""Freshdesk: tickets as CSV or API documents, with their conversations in them, beside them or in a table of their own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, NOTE, SYSTEM, Message, split_turns
from servicenlp.preprocessing import plain
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, mapping, seconds, truth, words

_SPOKEN = {CUSTOMER, AGENT, NOTE, SYSTEM}
# Headers of the CSV that hardly another product has, and those that some have.
_OWN = set(
    "due_by_time last_update_time last_updated_time initial_response_time first_response_time_(in_hrs) first_response_time_(in_mins) "
    "resolution_time_(in_hrs) resolution_time_(in_mins) agent_interactions customer_interactions resolution_status "
    "first_response_status every_response_status survey_results survey_result association_type".split()
)
_COMMON = {"created_time", "resolved_time", "closed_time", "time_tracked", "ticket_id", "subject", "agent", "group", "source", "tags"}
_TICKET = set(
    "fr_due_by fr_escalated is_escalated due_by description_text conversations notes stats cc_emails fwd_emails reply_cc_emails "
    "spam product_id company_id email_config_id association_type nr_due_by display_id department_id workspace_id".split()
)
# Only the help desk for a company's own staff knows departments; and requests whose urgency and impact differ.
_SERVICE = {"department_id", "requested_for_id", "item_category", "workspace_id"}
_SERVICE_CSV = set(
    "requester_name requester_email last_updated_time survey_result urgency impact resolution_note experience_score "
    "requester_location requester_vip approval_status sub-category item".split()
)
_DESCRIPTION = ("description_text", "description", "description_html")
_BODY = ("body_text", "body", "body_html")
_SURVEY, _FORWARDED = "6", "8"  # sources of a conversation
_NOT_WORDS = {"subject", "tags", "group", "agent", "company", "company_name", "product", "full_name", "title", *_DESCRIPTION}


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take Freshdesk's tickets, conversations or ratings.

    Raises
    ------
    DataError
        If it is an export of tickets without their words.
    """
    return None if is_freshservice(sample) else read(sample, options, "Freshdesk", {"10": AGENT, "outbound email": AGENT})


def is_freshservice(sample: Sample) -> bool:
    """Tell whether this is of the kin that serves a company's own staff."""
    names = _names(sample)
    if "responder_id" in names:
        return bool(names & _SERVICE) or {"urgency", "impact"} <= names
    return len(names & _SERVICE_CSV) >= 2


def read(sample: Sample, options: Options, product: str, sources: dict[str, str]) -> Shape | None:
    """Take the tickets, conversations or ratings of a product of this kin.

    Parameters
    ----------
    sample : Sample
        The table.
    options : Options
        Of the user.
    product : str
        Its name, for people.
    sources : dict of str to str
        Who wrote the description of a ticket from a source that is not a customer's.

    Raises
    ------
    DataError
        If it is an export of tickets without their words.
    """
    names, columns = _names(sample), {_name(column): column for column in reversed(sample.columns)}
    tickets = _Tickets(options, sources, _beside(sample))
    body = next((name for name in _BODY if name in columns), "")
    if body and "ticket_id" in names and ("incoming" in names or {"private", "user_id"} <= names):
        uses = {"id": columns["ticket_id"], "text": columns[body]} if "ticket_id" in columns else {}
        return Shape(f"{product} conversations", uses, messages=tickets.conversation, key=_ticket_id, settle=tickets.settle)
    if {"ticket_id", "feedback"} <= set(columns) and names & {"ratings", "rating", "survey_id"}:
        uses = {"id": columns["ticket_id"], "text": columns["feedback"]}
        return Shape(f"{product} satisfaction ratings", uses, messages=_rating, key=_ticket_id)
    if not ({"responder_id", "requester_id"} <= names and names & _TICKET or _is_csv(columns)):
        return None
    text = [name for name in (*_DESCRIPTION, "conversations", "notes") if name in names]
    id_column = options.id_column or next((columns[name] for name in ("id", "display_id", "ticket_id") if name in columns), "")
    uses = {"id": id_column} if id_column else {}
    if not text and not tickets.beside:
        if any(_is_wordy(sample, column) for name, column in columns.items() if name not in _NOT_WORDS):
            return None  # a column of somebody's own: any table with a column of text
        raise _wordless(sample, product)
    shape = Shape(f"{product} tickets", uses, id_column=id_column)
    source = columns.get("source", "")
    if _is_csv(columns) and text == ["description"] and not any(tickets.writer({"source": row.get(source)}) for row in sample.every_row()):
        return replace(shape, uses=uses | {"text": columns["description"]}, text_column=columns["description"])
    shown = [columns[name] for name in (*text[:1], *(name for name in text if name not in _DESCRIPTION)) if name in columns]
    return replace(shape, uses=uses | ({"text": ", ".join(shown)} if shown else {}), messages=tickets.messages, settle=tickets.settle)


@dataclass
class _Tickets:
    """Tells the messages of tickets, and who wrote them.

    Attributes
    ----------
    options : Options
        Of the user.
    sources : dict of str to str
        Who wrote a description, by the source of the ticket.
    beside : dict of str to list
        Conversations by ticket that stand beside the tickets.
    """

    options: Options
    sources: dict[str, str]
    beside: dict[str, list[Record]] = field(default_factory=dict)

    def messages(self, row: Record) -> Iterator[Message]:
        """Tell a ticket's description and its conversations."""
        told = _fields(row)
        created = seconds(told.get("created_at") or told.get("created_time"))
        time = -math.inf if created is None else created
        text, writer = _text(told, _DESCRIPTION), self.writer(told)
        if writer:
            yield Message(writer, text, time)
        else:
            text = plain(text)  # it may be a transcript
            yield from (Message(turn.speaker, text[turn.start : turn.end], time) for turn in split_turns(text))
        for conversation in [*_nested(told), *self.beside.get(ident(told.get("id")), [])]:
            yield self._message(_fields(conversation), told)
        talk = plain(words(told.get("conversations"))) if not _nested(told) else ""
        turns = split_turns(talk)
        if any(turn.speaker == AGENT for turn in turns):  # written out in a cell
            yield from (Message(turn.speaker, talk[turn.start : turn.end], time) for turn in turns)

    def conversation(self, row: Record) -> Iterator[Message]:
        """Tell a conversation that is a row."""
        told = _fields(row)
        yield self._message(told, {})

    def settle(self, row: Record, messages: list[Message]) -> list[Message]:
        """Name the writers who are known by id: the requester is the customer, or else the first one."""
        told = _fields(row)
        if all(message.time is not None for message in messages):
            messages = sorted(messages, key=lambda message: message.time or 0.0)
        customer = ident(told.get("requester_id"))
        if not customer and not any(message.speaker == CUSTOMER for message in messages):
            customer = next((message.speaker for message in messages if message.speaker not in _SPOKEN), "")
        return [m if m.speaker in _SPOKEN else m._replace(speaker=CUSTOMER if m.speaker == customer else AGENT) for m in messages]

    def writer(self, told: Record) -> str | None:
        """Return who wrote a ticket's description, where it was not the customer."""
        return self.sources.get(ident(told.get("source")).lower())

    def _message(self, conversation: Record, told: Record) -> Message:
        text = _text(conversation, _BODY)
        return Message(self._speaker(conversation, told), text, seconds(conversation.get("created_at")))

    def _speaker(self, conversation: Record, told: Record) -> str:
        """Return a role, or the writer's id if only the ticket tells."""
        source, writer = ident(conversation.get("source")), ident(conversation.get("user_id"))
        incoming = truth(conversation.get("incoming"))
        if truth(conversation.get("private")) or (source == _FORWARDED and not incoming):
            return NOTE
        address = words(conversation.get("from_email"))
        if from_agent(address, self.options):
            return AGENT
        requester = ident(told.get("requester_id")) or ident(mapping(told.get("requester")).get("id"))
        if incoming or source == _SURVEY or (writer and writer == requester):
            return CUSTOMER
        if incoming is False or (writer and writer == ident(told.get("responder_id"))):
            return AGENT
        return writer or (CUSTOMER if "@" in address and address.lower() == _address(told) else AGENT)


@lru_cache(maxsize=4096)
def _name(column: str) -> str:
    return "_".join(column.lower().split())


def _fields(row: Record) -> Record:
    """Return a row by its names in one spelling, without the wrapping of a ticket or a note."""
    told = {_name(name): cell for name, cell in row.items()}
    for wrapping in ("ticket", "helpdesk_ticket", "note", "conversation"):
        told |= {_name(name): cell for name, cell in mapping(told.get(wrapping)).items()}
    return told


def _names(sample: Sample) -> set[str]:
    return {_name(column) for column in sample.columns} | {name for row in sample.rows for name in _fields(row)}


def _text(told: Record, names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := words(told.get(name))).strip()), "")


def _ticket_id(row: Record) -> str:
    return ident(_fields(row).get("ticket_id"))


def _rating(row: Record) -> Iterator[Message]:
    told = _fields(row)
    yield Message(CUSTOMER, words(told.get("feedback")), seconds(told.get("created_at")))


def _address(told: Record) -> str:
    return words(mapping(told.get("requester")).get("email") or told.get("email") or told.get("requester_email")).lower()


def _nested(told: Record) -> list[Record]:
    """Return the conversations within a ticket; the account's export calls them notes."""
    nested: Any = told.get("conversations")
    return listing(nested) or listing(mapping(nested).get("conversations")) or listing(told.get("notes"))


def _beside(sample: Sample) -> dict[str, list[Record]]:
    """Return the conversations that stand beside the tickets."""
    found: dict[str, list[Record]] = {}
    conversations = sample.beside.get("conversations")
    for conversation in listing(conversations):
        found.setdefault(ident(conversation.get("ticket_id")), []).append(conversation)
    for key, listed in mapping(conversations).items():
        found.setdefault(ident(key), []).extend(listing(listed))
    return found


def _is_csv(columns: dict[str, str]) -> bool:
    own = _OWN & set(columns)
    service = "ticket_id" in columns and len(_SERVICE_CSV & set(columns)) >= 3
    return service or len(own) >= 2 or (len(own) == 1 and len(_COMMON & set(columns)) >= 4)


def _is_wordy(sample: Sample, column: str) -> bool:
    cells = [len(words(row.get(column)).split()) for row in sample.rows if words(row.get(column)).strip()]
    return bool(cells) and sum(cells) >= 5 * len(cells)


def _wordless(sample: Sample, product: str) -> DataError:
    found = ", ".join(map(repr, sample.columns[:8])) + (" and more" if len(sample.columns) > 8 else "")
    subject = sample.column("subject")
    otherwise = f", or judge the subjects with --text-column {subject!r}" if subject else ""
    return DataError(
        f"{sample.name}: a {product} export without the tickets' words. Found {found}. "
        f"Export the tickets with the field Description, or fetch them with their conversations from the API{otherwise}."
    )
