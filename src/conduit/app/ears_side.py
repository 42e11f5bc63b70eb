"""Ears: what conversations heard, their blocks, and loops by their ids, joined."""

from __future__ import annotations

import time
from collections.abc import Sequence

from conduit.agents.ask import Sets
from conduit.agents.ears.blocks import Ears, HearIn
from conduit.audio.ears_blocks import loop_template
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.contracts.files import FileStore
from conduit.contracts.groove import GrooveTemplate
from conduit.store.database import Database
from conduit.store.heard_sounds import HeardSounds


def open_ears(database: Database, files: FileStore) -> Ears:
    """What conversations heard."""
    return Ears(HeardSounds(database, time.time), files)


class Loops:
    """How a loop sits, by its id: that of a stored file, or of what was heard while it played."""

    def __init__(self, ears: Ears, files: FileStore) -> None:
        self._ears = ears
        self._files = files

    def __call__(self, org_id: str, loop: str, which: HearIn) -> GrooveTemplate:
        """Raises ``NotFound``, ``InvalidInput`` and ``TooLarge``."""
        heard = self._ears.template(org_id, loop, which)
        return heard or loop_template(self._files.get(org_id, loop)[1], which)


class AllNoted:
    """What several know of a conversation, told one after the other."""

    def __init__(self, *knowing: Sets) -> None:
        self._knowing = knowing

    async def noted(
        self, person: Principal, session: str, messages: Sequence[Message]
    ) -> tuple[Message, ...]:
        """Messages with all of it, before the prompt."""
        told = tuple(messages)
        for each in self._knowing:
            told = await each.noted(person, session, told)
        return told
