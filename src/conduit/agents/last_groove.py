"""The groove that a conversation goes on from: kept when a turn rendered one.

It is what a preset takes along of a conversation, and what comes back with it. It is remembered as
``conduit.rhythm.kept`` writes it: the wish, or a whole config.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conduit.agents.runs.session import Remember
from conduit.blocks import dumps, loads
from conduit.contracts.chat import Message
from conduit.contracts.errors import ConduitError
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.written import written
from conduit.store.conversation_grooves import ConversationGrooves, LastGroove

log = logging.getLogger("conduit.agents.grooves")

_LARGEST: Final = 256 * 1024
"""Characters of a tool's result that are looked into, and of a config that is kept."""


class SavedConfigs(Protocol):
    """Configs by name."""

    def load(self, name: str, overrides: Mapping[str, object] | None = None) -> EngineConfig:
        """Raises ``NotFound`` and ``InvalidInput``."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A groove that a tool answered with: by its id, or by the name of the config beside it."""

    groove_id: str = ""
    name: str = ""


def rendered_in(turn: Sequence[Message]) -> Rendered | None:
    """The last groove that a tool of a turn answered with. A tool of somebody else may say what it
    likes: who keeps the groove looks whether it is there."""
    for message in reversed(turn):
        if message.role != "tool" or len(message.content) > _LARGEST:
            continue
        try:
            result = loads(message.content)
        except ConduitError:
            continue
        if not isinstance(result, dict) or "midi" not in result:
            continue
        groove_id, name = result.get("groove_id"), result.get("name")
        if isinstance(groove_id, str) and groove_id:
            return Rendered(groove_id=groove_id[:64])
        if isinstance(name, str) and "saved" in result:
            return Rendered(name=name[:480])
    return None


def remembering(append: Remember, grooves: ConversationGrooves, configs: SavedConfigs) -> Remember:
    """What stores a turn, and with it the groove that was rendered in it."""

    def remember(org_id: str, session: str, turn: Sequence[Message]) -> Callable[[Any], object]:
        store, found = append(org_id, session, turn), rendered_in(turn)
        if found is None:
            return store

        def work(connection: Any) -> None:
            store(connection)
            if found.groove_id:
                grooves.keeping(org_id, session, found.groove_id)(connection)
            elif body := _body_of(configs, found.name):
                grooves.putting(org_id, session, LastGroove(body))(connection)

        return work

    return remember


def _body_of(configs: SavedConfigs, name: str) -> str:
    """A config as it is kept; empty where it cannot be, which loses no turn."""
    try:
        body = dumps({"config": written(configs.load(name))}).decode()
    except ConduitError as error:
        log.info("the groove %r is not kept with its conversation: %s", name, error.message)
        return ""
    return body if len(body) <= _LARGEST else ""
