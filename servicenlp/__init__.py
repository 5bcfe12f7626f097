"""servicenlp: which level of service a customer experienced, in which category, in whose words.

The public names, each loaded on first use so that the command line starts quickly.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_API = {
    "DataError": "errors",
    "ModelError": "errors",
    "ServiceClassifier": "classifier",
    "ServicenlpError": "errors",
    "Transformer": "transformer",
    "Turn": "interactions",
    "adapt": "adaptation",
    "evaluate": "evaluation",
    "explain": "explanation",
    "from_records": "exchange",
    "label_frame": "labelling",
    "learning_curve": "learning_curves",
    "load_model": "persistence",
    "load_transformer": "transformer",
    "open_source": "readers",
    "read_corpus": "corpus",
    "read_rules": "rulebook",
    "save_model": "persistence",
    "score_frame": "scoring",
    "split_turns": "interactions",
    "to_records": "exchange",
    "when_to_stop": "learning_curves",
}
__all__ = sorted(_API)


def __getattr__(name: str) -> Any:
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_API[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
