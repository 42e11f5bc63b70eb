"""Where something was written last: an interceptor of the gate that counts."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from conduit.blocks import Catalog, Effects
from conduit.contracts.call import Call
from conduit.contracts.errors import ConduitError
from conduit.contracts.outcome import Outcome

_WRITES: Final = Effects.WRITES_FILES | Effects.WRITES_STATE | Effects.RUNS_COMMANDS
_MOST_ORGS: Final = 10_000


class Touched:
    """How many calls wrote something in each organisation, in this process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._counts: OrderedDict[str, int] = OrderedDict()

    def times(self, org_id: str) -> int:
        return self._counts.get(org_id, 0)

    async def before(self, call: Call) -> None:
        """Nothing is known before it ended."""

    async def after(self, call: Call, outcome: Outcome) -> None:
        if outcome.status != "ok" or not self._writes(call):
            return
        org_id = call.principal.org_id
        self._counts[org_id] = self._counts.pop(org_id, 0) + 1
        if len(self._counts) > _MOST_ORGS:
            self._counts.popitem(last=False)

    def _writes(self, call: Call) -> bool:
        try:
            known = self._catalog
            if call.block not in known:
                known = known.of(call.principal.org_id)
            return bool(known.get(call.block).effects & _WRITES)
        except ConduitError:  # it was taken away by its own call
            return True
