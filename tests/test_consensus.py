from servicenlp.consensus import merge_labels


def test_the_middle_level_counts_and_the_lower_of_two():
    assert merge_labels([{"level": 5}, {"level": 1}, {"level": 2}]).labels == {"level": 2}
    assert merge_labels([{"level": 2}, {"level": 1}]) == ({"level": 1}, 0.5)


def test_what_most_say_counts_and_none_where_as_many_say_another():
    people = [{"primary": "failed", "cause": "process"}, {"primary": "delighted", "cause": "process"}]
    assert merge_labels(people) == ({"primary": "none", "cause": "process"}, 0.5)


def test_a_focus_on_what_is_none_is_dropped():
    people = [{"level": 2, "delivery": "none"}, {"level": 2, "delivery": "none"}, {"level": 2, "delivery": "failed", "focus": "delivery"}]
    assert merge_labels(people).labels == {"level": 2, "delivery": "none"}
