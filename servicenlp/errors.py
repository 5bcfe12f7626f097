"""Errors a caller may want to catch.

ServicenlpError
├── DataError    an input file, row, column or label is not what it should be (also a ValueError)
└── ModelError   a model folder is missing, damaged, or of another format

Every message reads: where: what is wrong. What was found. What to do.
"""


class ServicenlpError(Exception):
    """Something a user can mend; the message says how."""


class DataError(ServicenlpError, ValueError):
    """The data cannot be read, scored or learned from as it is."""


class ModelError(ServicenlpError):
    """The model folder cannot be used as it is."""
