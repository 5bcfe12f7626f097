"""The commands, one module each, in the order of their use."""

COMMANDS = (
    "score", "inspect", "explain", "label", "train", "evaluate", "compare", "audit", "drift", "trend",
    "report", "review", "agreement", "exchange", "models",
)  # fmt: skip
