"""Freshservice: Freshdesk's kin for a company's own staff, with other headers and sources."""

from servicenlp.formats import Options
from servicenlp.interactions import SYSTEM
from servicenlp.readers.freshdesk import is_freshservice, read
from servicenlp.readers.shape import Sample, Shape

# Machines write these.
_SOURCES = dict.fromkeys(("7", "8", "14", "aws cloudwatch", "pagerduty", "pager duty", "alerts", "alert"), SYSTEM)


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Take Freshservice's tickets.

    Raises
    ------
    DataError
        If it is an export of tickets without their words.
    """
    return read(sample, options, "Freshservice", _SOURCES) if is_freshservice(sample) else None
