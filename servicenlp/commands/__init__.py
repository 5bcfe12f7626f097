"""The commands, one module each, in the order of their use."""

COMMANDS = ("score", "inspect", "explain", "train", "evaluate", "review", "agreement", "models")
