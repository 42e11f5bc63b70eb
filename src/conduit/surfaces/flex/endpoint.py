"""The bridge as a UMP endpoint: it says who it is when asked, and learns who the other one is.

UMP Stream messages, M2-104-UM section 7.1. An endpoint that does not answer them is not usable on
Linux and Windows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conduit.midi.ump import (
    ALL_FUNCTION_BLOCKS,
    PROTOCOL_MIDI2,
    ConfigurationNotification,
    ConfigurationRequest,
    EndpointDiscovery,
    EndpointInfo,
    EndpointText,
    EndpointTextAssembler,
    FunctionBlockDiscovery,
    FunctionBlockInfo,
    Message,
    encode,
    endpoint_text_packets,
)

_VERSION: Final = (1, 1)
_NAME: Final = "Conduit"
_BLOCK: Final = "AI services"
_BOTH_WAYS: Final = 3
_ALL_GROUPS: Final = 16


@dataclass(slots=True)
class Learned:
    """What the other end says of itself."""

    name: str = ""
    product: str = ""


class Endpoint:
    """One conversation between endpoints. ``product`` is our product instance id."""

    def __init__(self, product: str = "conduit") -> None:
        self.learned = Learned()
        self._product = product
        self._texts = EndpointTextAssembler()

    def hello(self) -> list[int]:
        """What to send first: it asks the other end for all that it has to say of itself."""
        asks = EndpointDiscovery(
            *_VERSION,
            wants_info=True,
            wants_name=True,
            wants_product_instance_id=True,
        )
        return list(encode(asks))

    def hear(self, messages: Iterable[Message]) -> list[int]:
        """The words of our answers."""
        words: list[int] = []
        for message in messages:
            match message:
                case EndpointDiscovery():
                    words += self._introduction(message)
                case ConfigurationRequest():
                    words += encode(ConfigurationNotification(PROTOCOL_MIDI2))
                case FunctionBlockDiscovery(block=block) if block in (0, ALL_FUNCTION_BLOCKS):
                    words += _block(message)
                case _:
                    for text in self._texts.feed([message]):
                        self._learn(text)
        return words

    def _introduction(self, asked: EndpointDiscovery) -> list[int]:
        words: list[int] = []
        if asked.wants_info:
            words += encode(
                EndpointInfo(*_VERSION, static_blocks=True, block_count=1, midi2=True, midi1=False)
            )
        if asked.wants_name:
            words += endpoint_text_packets(EndpointText("endpoint name", _NAME))
        if asked.wants_product_instance_id:
            words += endpoint_text_packets(EndpointText("product instance id", self._product))
        if asked.wants_configuration:
            words += encode(ConfigurationNotification(PROTOCOL_MIDI2))
        return words

    def _learn(self, text: EndpointText) -> None:
        if text.kind == "endpoint name":
            self.learned.name = text.text
        elif text.kind == "product instance id":
            self.learned.product = text.text


def _block(asked: FunctionBlockDiscovery) -> list[int]:
    words: list[int] = []
    if asked.wants_info:
        words += encode(
            FunctionBlockInfo(
                active=True,
                block=0,
                ui_hint=_BOTH_WAYS,
                midi1=0,
                direction=_BOTH_WAYS,
                first_group=0,
                group_count=_ALL_GROUPS,
            )
        )
    if asked.wants_name:
        words += endpoint_text_packets(EndpointText("function block name", _BLOCK))
    return words
