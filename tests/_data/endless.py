"""Data that never end, and say so."""

import pytest
from tests._data.same import arrays, line


def assert_steps_are_asked_for(endless):
    """Checks that no method starts to read data that it could not read to the end."""
    x, y = arrays()
    model = line()
    calls = {
        "fit(x=...)": lambda: model.fit(endless),
        "fit(validation_data=...)": lambda: model.fit(x, y, validation_data=endless),
        "evaluate(x=...)": lambda: model.evaluate(endless),
        "predict(x=...)": lambda: model.predict(endless),
    }
    for where, call in calls.items():
        with pytest.raises(ValueError, match="that never ends") as caught:
            call()
        assert str(caught.value).startswith(f"`{where}")
    assert model.optimizer.iterations == 0
