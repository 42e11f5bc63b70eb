"""What any dataclass asks of a provider is what providers publish, and what it gets can be read."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from conduit.contracts.chat import ChatRequest, Message
from conduit.contracts.errors import ConfigError, UnparsableOutput
from conduit.mdl import Mdl
from conduit.models.wire.anthropic import encode as encode_anthropic
from conduit.models.wire.openai_chat import openai_chat
from tests.blocks.generated import records
from tests.fakes.structured import asked_schema, example_of, fault_of


def structure(hint: Any) -> Mdl[Any]:
    try:
        return Mdl.of(hint)
    except ConfigError:
        assume(False)
        raise


def faults_of(mdl: Mdl[Any], text: str) -> tuple[str, ...]:
    try:
        return () if isinstance(mdl.parse(text).value, mdl.type) else ("another type",)
    except UnparsableOutput as error:
        return error.faults


@given(st.data())
def test_a_shape_is_asked_for_as_published_and_its_example_is_read(data: st.DataObject) -> None:
    hint, _ = data.draw(records)
    mdl = structure(hint)
    request = ChatRequest((Message("user", "U"),), output=mdl.schema)
    for encode in (openai_chat().encode, encode_anthropic):
        wire = encode(request, "m", False)
        body = json.loads(wire.body)
        assert fault_of(wire.path, body) == ""
    openai = json.loads(openai_chat().encode(request, "m", False).body)
    schema = asked_schema(openai)
    assert schema is not None
    # How long a text may be is the one thing that strict schemas cannot say.
    faults = faults_of(mdl, json.dumps(example_of(schema)))
    assert all(re.search(r"expected str of .* characters", fault) for fault in faults)
