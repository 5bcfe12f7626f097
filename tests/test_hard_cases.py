import json
from pathlib import Path

import pytest

from servicenlp.classifier import ServiceClassifier
from servicenlp.persistence import load_model

CASES = [json.loads(line) for line in (Path(__file__).parent / "hard_cases.jsonl").read_text(encoding="utf-8").splitlines()]
KNOWN = pytest.mark.xfail(reason="known to be misread", strict=False)
PARAMETERS = [pytest.param(case, marks=[KNOWN] * case.get("xfail", False), id=case["text"][:40]) for case in CASES]


@pytest.fixture(scope="module")
def shipped() -> ServiceClassifier:
    return load_model()


def test_hard_cases_are_thirty_of_all_levels():
    assert len(CASES) == len({case["text"] for case in CASES}) == 30
    assert {case["level"] for case in CASES} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("case", PARAMETERS)
def test_shipped_model_reads_a_hard_case_within_one_level(shipped, case):
    assert abs(shipped.predict([case["text"]])[0] - case["level"]) <= 1
