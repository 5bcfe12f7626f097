"""Zendesk's reports and views as CSV: tickets without their words, unless somebody put the comments in."""

import re
from collections.abc import Iterator
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, SYSTEM, Message, split_turns
from servicenlp.readers.shape import Record, Sample, Shape, words

_REPORT = set(
    "summation_column requester_external_id requester_domain satisfaction_score group_stations assignee_stations ticket_type "
    "initially_assigned_at assigned_at reopens first_reply_time_in_minutes first_resolution_time_in_minutes "
    "full_resolution_time_in_minutes agent_wait_time_in_minutes requester_wait_time_in_minutes on_hold_time_in_minutes".split()
)
_VIEW = {"requested", "requester_updated", "assignee_updated", "next_sla_breach", "satisfaction", "satisfaction_score", "ticket_form"}
FEEDBACK = ("satisfaction_rating.comment", "satisfaction_rating_comment", "satisfaction_comment")
PEOPLE = ("requester", "assignee", "submitter")
_NAMES = {"subject", "tags", "raw_subject", "group", "organization", "requester", "assignee", "ticket_subject", *FEEDBACK}


def recognise_report(sample: Sample, columns: dict[str, str], options: Options) -> Shape | None:
    """Take the CSV of a report or a view, if somebody put the comments in.

    Raises
    ------
    DataError
        If it surely is Zendesk's, and holds no words.
    """
    names = set(columns)
    explore = any(name.startswith(("ticket_created_-_", "ticket_solved_-_", "ticket_updated_-_")) for name in names)
    report = {"subject", "requester"} <= names and len(names & _REPORT) >= 2
    view = {"subject", "requester"} <= names and names & {"id", "ticket_id"} and names & _VIEW
    people = {"subject", "requester", "assignee"} <= names
    if not (explore or report or view or people):
        return None
    id_column = options.id_column or columns.get("id") or columns.get("ticket_id") or ""
    uses = {"id": id_column} if id_column else {}
    cast = _Cast(sample) if report or view or people else None
    spoken = next((column for column in sample.columns if cast and cast.speaks_in(column)), None)
    if cast and spoken:
        return Shape("Zendesk tickets with comments", uses | {"text": spoken}, messages=cast.reader(spoken), id_column=id_column)
    if not (explore or report or view) or any(_is_wordy(sample, column) for name, column in columns.items() if name not in _NAMES):
        return None  # a column of somebody's own: any table with a column of text
    feedback = next((columns[name] for name in (*FEEDBACK, "ticket_satisfaction_comment") if name in columns), None)
    if feedback and any(words(row.get(feedback)).strip(" -") for row in sample.every_row()):
        return Shape("Zendesk tickets' ratings", uses | {"text": feedback}, text_column=feedback, id_column=id_column)
    raise wordless(sample)


class _Cast:
    """Reads cells that hold "author: text author: text", by the names that the table knows."""

    def __init__(self, sample: Sample) -> None:
        self._columns = {role: sample.column(role, f"{role} name") for role in PEOPLE}
        known = {words(row.get(column)).strip() for row in sample.every_row() for column in self._columns.values() if column}
        names = sorted((re.escape(name) for name in known if len(name) > 1), key=len, reverse=True)
        # Two blanks after a colon are how the comments were joined; a known name needs but one.
        self._label = re.compile(
            rf"(?:^|(?<=\s))(?P<known>{'|'.join([*names, 'System User'])}):\s+|^(?P<other>[^\s:][^:\n]{{0,59}}):  ", re.MULTILINE
        )
        self._rows = sample.rows

    def speaks_in(self, column: str) -> bool:
        """Tell whether the cells of a column begin with names."""
        cells = [text for row in self._rows if (text := words(row.get(column)).strip())]
        return bool(cells) and sum(bool(self._label.match(cell)) for cell in cells) * 2 >= len(cells)

    def reader(self, column: str) -> Any:
        """Return what tells the messages of a row."""

        def messages(told: Record) -> Iterator[Message]:
            text = words(told.get(column))
            marks = list(self._label.finditer(text))
            if not marks:
                yield from (Message(turn.speaker, text[turn.start : turn.end]) for turn in split_turns(text))
                return
            ends = [mark.start() for mark in marks[1:]] + [len(text)]
            requester = words(told.get(self._columns["requester"] or "")).strip().lower() or words(marks[0]["known"]).lower()
            for mark, end in zip(marks, ends, strict=True):
                name = (mark["known"] or mark["other"]).strip().lower()
                role = CUSTOMER if name == requester else SYSTEM if name in ("system user", "none found") else AGENT
                yield Message(role, text[mark.end() : end])

        return messages


def _is_wordy(sample: Sample, column: str) -> bool:
    cells = [len(words(row.get(column)).split()) for row in sample.rows if words(row.get(column)).strip()]
    return bool(cells) and sum(cells) >= 5 * len(cells)


def wordless(sample: Sample) -> DataError:
    """Return the error of an export without words, which says which one to ask for."""
    found = ", ".join(map(repr, sample.columns[:8])) + (" and more" if len(sample.columns) > 8 else "")
    subject = sample.column("subject", "ticket subject")
    otherwise = f", or judge the subjects with --text-column {subject!r}" if subject else ""
    return DataError(
        f"{sample.name}: a Zendesk export without the tickets' words. Found {found}. "
        f"Export the tickets as JSON (Admin Center, Account, Tools, Reports), which holds the comments{otherwise}."
    )
