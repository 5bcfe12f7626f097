import pytest

from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS, TARGETS, values


def test_levels_are_one_to_six():
    assert [level.value for level in LEVELS] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("target", TARGETS)
def test_targets_have_distinct_values_with_names_and_meanings(target):
    labels = TARGETS[target]
    assert len({label.value for label in labels}) == len(labels)
    assert all(label.name and label.meaning.endswith(".") for label in labels)


def test_values_keep_the_order_of_the_scheme():
    assert values("primary") == ["none", "failed", "delighted"]


def test_category_names_are_targets():
    assert set(CATEGORY_NAMES) < set(TARGETS)


def test_interactions_fixture_holds_every_label(interactions):
    missing = [(target, value) for target in TARGETS for value in values(target) if value not in set(interactions[target])]
    assert len(interactions) == 60
    assert missing == []
