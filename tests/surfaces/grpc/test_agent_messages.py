"""The messages of the agent have the fields of its dataclasses, by name, and keep their values."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from conduit.agents.events import AgentEvent, AskReply, ToolUse
from conduit.contracts.chat import ProviderFailure, Usage
from conduit.contracts.outcome import ErrorInfo
from conduit.surfaces.grpc.agent import EVENTS
from conduit.surfaces.grpc.generated.agent import agent_pb2 as pb

EVENT_CLASSES = (*get_args(AgentEvent), AskReply)


def test_every_event_has_a_place() -> None:
    places = {field.name for field in pb.StreamAgentResponse.DESCRIPTOR.fields}
    for each in EVENT_CLASSES:
        assert EVENTS[each] in places


@pytest.mark.parametrize("cls", EVENT_CLASSES, ids=lambda cls: cls.__name__)
def test_every_field_of_an_event_has_one_in_its_message(cls: type) -> None:
    event = pb.StreamAgentResponse.DESCRIPTOR.fields_by_name[EVENTS[cls]]
    assert {each.name for each in fields(cls)} <= set(event.message_type.fields_by_name)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (ToolUse, pb.ToolUse),
        (ErrorInfo, pb.Error),
        (ProviderFailure, pb.ProviderFailure),
        (Usage, pb.Usage),
    ],
)
def test_every_field_inside_has_one(cls: type, message: type[pb.ToolUse]) -> None:
    assert [each.name for each in fields(cls)] == [each.name for each in message.DESCRIPTOR.fields]
