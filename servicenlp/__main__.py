"""Run the command line with ``python -m servicenlp``."""

from servicenlp.cli import main

main()
