import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import servicenlp
import servicenlp.commands
import servicenlp.readers
from servicenlp.cli import main

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "servicenlp"
SHARED = ["formats.table", "formats.encodings", "formats.archive", "formats.quotes", "formats.preamble", "formats.headless"]
FORMATS = sorted({f"formats.{path.stem}" for path in (PACKAGE / "formats").glob("[a-z]*.py")} - set(SHARED))
# Others use what reads any table.
READERS = sorted((f"readers.{name}" for name in servicenlp.readers.READERS), key=lambda name: (name != "readers.generic", name))
COMMANDS = sorted(f"commands.{name}" for name in servicenlp.commands.COMMANDS)
ORDER = [
    "errors", "taxonomy", "speakers", "names", "chats", "interactions", "features", "calibration", "regression", "validation", "classifier",
    "evidence", "explanation",
    *SHARED, "formats", *FORMATS, "markup", "signatures", "replies", "preprocessing", "language", "private_numbers", "private_names",
    "privacy",
    "readers.shape", "readers.guess", "readers.people",
    "readers.threads", "readers.plan", "readers.spoken", "readers.zendesk_reports", "readers.conversations",
    "readers.joins", "readers.source",
    "readers",
    *READERS, "persistence",
    "consensus", "records", "argilla", "label_studio", "exchange", "corpus", "evaluation", "thresholds", "counterfactuals",
    "review", "review.near_copies", "grouping", "adaptation", "model_card",
    "columns", "journal", "writers", "transformer", "scoring", "streaming", "inspection", "summary", "storage", "partitions",
    "cluster", "training",
    "comparison", "audit", "drift",
    "transformer_export", "transformer_training",
    "review.items", "review.scored", "review.drawing", "review.filters", "review.satisfaction",
    "review.queue", "review.decisions", "review.records", "review.tables", "review.leasing", "review.log", "review.store",
    "review.sampling", "review.estimates", "review.labels", "review.conversation", "review.reasons", "review.desk", "review.guard",
    "review.app", "raters", "agreement",
    "rulebook", "voting", "label_model", "labelling", "label_files", "rule_analysis", "learning_curves", "plots", "spacy_component",
    "insights.phrases", "insights.rules", "insights.files", "insights.records", "insights.statistics", "insights.quotations",
    "insights.tally", "insights.states", "insights.results", "insights.standing", "insights.staircase", "insights.steps",
    "insights.wishes", "insights.rings", "insights.interests", "insights.truths", "insights.offerings", "insights.extremes",
    "insights.limits", "insights.trends",
    "insights", "charts", "figures", "reporting",
    "commands", "commands.options", "commands.folder", *COMMANDS, "cli",
]  # fmt: skip


def source(module: str) -> Path:
    path = PACKAGE / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def used(module: str) -> set[str]:
    """The modules of the package that a module imports, inside functions too."""
    nodes = list(ast.walk(ast.parse(source(module).read_text(encoding="utf-8"))))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    found = {node.module for node in imports}
    found |= {f"servicenlp.{alias.name}" for node in imports if node.module == "servicenlp" for alias in node.names}
    found |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.removeprefix("servicenlp.") for name in found if name.startswith("servicenlp.")} & set(ORDER)


def test_all_is_sorted():
    assert servicenlp.__all__ == sorted(set(servicenlp.__all__))


@pytest.mark.parametrize("name", servicenlp.__all__)
def test_all_names_are_importable_and_described(name):
    assert inspect.getdoc(getattr(servicenlp, name))
    assert name in dir(servicenlp)


@pytest.mark.parametrize("name", servicenlp.__all__)
def test_all_names_differ_from_the_modules(name):
    assert name not in ORDER


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'servicenlp' has no attribute 'sing'$"):
        _ = servicenlp.sing


def test_order_names_every_module():
    files = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in files}
    assert names - {"__init__", "__main__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_imports_point_backwards(module):
    assert used(module) <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", ORDER)
def test_imports_are_absolute(module):
    nodes = ast.walk(ast.parse(source(module).read_text(encoding="utf-8")))
    assert [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []


@pytest.mark.parametrize("module", ORDER)
def test_public_names_have_a_docstring(module):
    tree = ast.parse(source(module).read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))]
    public = [node for body in bodies for node in body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert ast.get_docstring(tree)
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", [module for module in ORDER if module.split(".")[0] not in ("cli", "commands")])
def test_only_the_command_line_prints_or_exits(module):
    calls = [node.func for node in ast.walk(ast.parse(source(module).read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert {call.id for call in calls if isinstance(call, ast.Name)} & {"print", "exit", "quit", "input", "eval", "exec"} == set()


@pytest.mark.parametrize("command", servicenlp.commands.COMMANDS)
def test_commands_have_help_with_an_example(command):
    help_text = inspect.cleandoc(main.get_command(None, command).help or "")
    assert help_text.splitlines()[0].endswith(".")
    assert f"Example: servicenlp {command}" in help_text


@pytest.mark.parametrize("command", servicenlp.commands.COMMANDS)
def test_commands_stand_in_the_readme(command):
    assert f"servicenlp {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", servicenlp.commands.COMMANDS)
def test_options_have_help(command):
    options = [option for option in main.get_command(None, command).params if option.opts[0].startswith("-")]
    assert [option.name for option in options if not option.help] == []


def test_help_loads_no_heavy_library():
    code = (
        "import json, sys\n"
        "from servicenlp.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(shown.stderr)}
    assert shown.stdout.startswith("Usage: ")
    assert loaded & {"sklearn", "pandas", "numpy", "scipy", "pyarrow", "openpyxl", "joblib", "tqdm"} == set()


@pytest.mark.parametrize("module", ORDER)
def test_modules_can_be_imported(module):
    assert import_module(f"servicenlp.{module}").__name__ == f"servicenlp.{module}"


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert version("servicenlp") == servicenlp.__version__
