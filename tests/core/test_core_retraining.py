import pytest

from daytwo.core.errors import SettingsError
from daytwo.core.retraining import RetrainPolicy, retrain_policy


@pytest.mark.parametrize(
    "text", ["always", "every", "every 0d", "every week", "on  alarm", "", "Marginal", "every -1d"]
)
def test_what_is_no_policy_is_told_with_what_is_one(text):
    with pytest.raises(SettingsError, match="no retraining policy") as told:
        retrain_policy(text)
    assert "'every 7d'" in str(told.value.hint)


def test_policies_are_read():
    assert retrain_policy(" marginal ") == RetrainPolicy("marginal")
    assert retrain_policy("every 12h").every.total_seconds() == 43_200
