"""Ask in a sentence, from Python: through the gate, to whichever provider answers."""

import asyncio
import os
import sys
from pathlib import Path

from conduit.agents.ask import AskRequest
from conduit.app import Settings, open_app
from conduit.contracts.call import LOCAL_OWNER


async def ask(prompt: str) -> dict[str, bytes]:
    """Print the answer; returns the files that came with it, by name."""
    async with open_app(Settings.read(os.environ)) as app:
        request = AskRequest(prompt, session="example")
        reply = await app.gate.acall("agent.ask", request, LOCAL_OWNER)
        print(f"{reply.provider}: {reply.text}")
        results = [use.result for use in reply.tool_calls if use.ok and "midi" in use.result]
        found = [app.files.get(LOCAL_OWNER.org_id, r["midi"]["id"]) for r in results]
        return {ref.name: data for ref, data in found}


words = " ".join(sys.argv[1:]) or "8 bars of acid at 130 bpm with a little swing"
for name, data in asyncio.run(ask(words)).items():
    Path(name).write_bytes(data)
    print(f"saved {name}, {len(data)} bytes")
