import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimizer.encoding import Encoding
from protocols.campaign import Campaign
from protocols.parameters import CategoryParameter
from tests.strategies import conditions, search_spaces


@given(st.data())
def test_a_condition_survives_encoding(data: st.DataObject) -> None:
    space = data.draw(search_spaces())
    condition = data.draw(conditions(space))
    encoding = Encoding(space)
    (back,) = encoding.conditions(encoding.rows([condition]))
    for parameter in space.parameters:
        if parameter.kind == "continuous":
            assert abs(float(back[parameter.name]) / float(condition[parameter.name]) - 1) < 1e-5
        else:
            assert back[parameter.name] == condition[parameter.name]
    features = encoding.features(encoding.rows([condition]))
    assert features.shape == (1, len(space.parameters))
    assert (features >= 0).all()
    assert (features <= np.maximum(encoding.levels - 1, 1)).all()


@given(st.data())
def test_a_number_survives_the_unit_interval(data: st.DataObject) -> None:
    space = data.draw(search_spaces())
    share = data.draw(st.floats(0, 1))
    for parameter in space.parameters:
        if not isinstance(parameter, CategoryParameter):
            assert (
                abs(parameter.to_unit_interval(parameter.from_unit_interval(share)) - share) < 1e-6
            )


def test_the_well_decides_the_detachment_period(rpe: Campaign) -> None:
    for batch, base in ((1, 8), (2, 8), (3, 5), (4, 5)):
        decided = rpe.decided_values(batch)
        assert [values["detachment_period"] for values in decided[:6]] == [
            base + 3 * w for w in range(6)
        ]
        assert decided[:6] == decided[42:]
