"""The commands, one module each, in the order of their use."""

COMMANDS = ("score", "inspect", "explain", "label", "train", "evaluate", "trend", "review", "agreement", "exchange", "models")
