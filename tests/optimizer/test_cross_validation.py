import pytest

from optimizer import cross_validate, r_squared
from protocols.campaign import Campaign
from tests.optimizer.known_objective import observed


def test_what_is_held_out_is_predicted_without_it(rpe: Campaign) -> None:
    observations = observed(rpe)
    held_out = cross_validate(rpe.space, observations)
    assert [entry.value for entry in held_out] == [o.value for o in observations]
    assert r_squared(held_out) > 0.5
    odd = observations[7].model_copy(update={"value": observations[7].value + 3})
    changed = cross_validate(rpe.space, [*observations[:7], odd, *observations[8:]])[7]
    assert changed.outlier
    assert changed.mean == pytest.approx(held_out[7].mean, abs=0.05)
    assert not changed.within(0.99)
    assert cross_validate(rpe.space, observations[:1]) == []
