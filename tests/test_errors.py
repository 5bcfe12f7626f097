import pytest

from servicenlp.errors import DataError, ModelError, ServicenlpError


@pytest.mark.parametrize("error", [DataError, ModelError])
def test_errors_are_caught_by_their_common_name(error):
    with pytest.raises(ServicenlpError, match="^calls.csv: no column"):
        raise error("calls.csv: no column 'text'.")


def test_data_error_is_a_value_error():
    assert issubclass(DataError, ValueError)
    assert not issubclass(ModelError, ValueError)
