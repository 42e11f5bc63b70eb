"""What variables of the environment say of the bridge for OSC."""

from __future__ import annotations

import pytest

from conduit.app.osc_side import osc_ports, osc_settings
from conduit.contracts.errors import ConfigError
from conduit.intents.table import USUAL
from conduit.surfaces.osc.settings import OscSettings


def test_without_variables_it_is_as_usual_and_each_says_one_thing() -> None:
    assert osc_settings({}, "http://here/") == OscSettings("http://here")
    assert osc_ports({}) == (None, None)
    environ = {
        "CONDUIT_OSC_KEY": "ck-secret",
        "CONDUIT_OSC_PORT": "0",
        "CONDUIT_OSC_TCP_PORT": "9400",
        "CONDUIT_OSC_MAY": "agent.ask, groove.*,",
        "CONDUIT_OSC_REPLY_PORT": "9001",
        "CONDUIT_OSC_REPLY_TO": "[::1]:9000",
        "CONDUIT_OSC_PER_MINUTE": "120",
    }
    told = osc_settings(environ, "http://here")
    assert told == OscSettings(
        "http://here",
        key="ck-secret",
        may=("agent.ask", "groove.*"),
        reply_port=9001,
        reply_to=("::1", 9000),
        per_minute=120.0,
        burst=12.0,
    )
    assert "ck-secret" not in repr(told)
    assert told.allow == (), "beside the rest it is for this machine alone"
    assert osc_ports(environ) == (0, 9400)
    assert osc_settings({"CONDUIT_OSC_MAY": ""}, "http://here").may == USUAL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONDUIT_OSC_PORT", "65536"),
        ("CONDUIT_OSC_PORT", "1.5"),
        ("CONDUIT_OSC_TCP_PORT", "-1"),
        ("CONDUIT_OSC_REPLY_PORT", "nan"),
        ("CONDUIT_OSC_REPLY_TO", "lamp:9000"),
        ("CONDUIT_OSC_REPLY_TO", "9000"),
        ("CONDUIT_OSC_PER_MINUTE", "inf"),
        ("CONDUIT_OSC_PER_MINUTE", "often"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _ = osc_settings({name: value}, "http://here"), osc_ports({name: value})
    assert refused.value.where == name
    assert refused.value.hint
