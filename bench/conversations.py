"""What a prompt costs in a long conversation: time of asking, and what a model is shown.

    python bench/conversations.py
    python bench/conversations.py --messages 20 2000 20000 --json out.json

Everything is joined as in the product, on SQLite, with the offline agent: so the summaries are
extracts. The messages are stored first, then the conversation is summarised until nothing is left
(``catching_up_s``), then prompts are asked one after another. Tokens are taken for 4 characters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from conduit.agents.ask import AskRequest
from conduit.agents.memory.turns import VIEW
from conduit.agents.memory.view import shown
from conduit.app import App, Settings, open_app
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.contracts.chat import Message
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.telemetry.ids import new_id

ASKED = "And what about the kick in bar 3, which I find too loud for a small room?"
ANSWERED = "It is at velocity 118. I would take it down to 104 and keep the accents. " * 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one prompt, in a conversation that had so many ``messages``."""

    messages: int
    ask_ms: float
    ask_cpu_ms: float
    shown_messages: int
    shown_tokens: int
    catching_up_s: float


async def cost(app: App, messages: int, rounds: int) -> Cost:
    """Fill a conversation, let it be summarised, and ask."""
    session = f"of {messages}"
    conversations = Conversations(app.database, new_id)
    with app.database.transaction() as connection:
        for _ in range(messages // 2):
            turn = (Message("user", ASKED), Message("assistant", ANSWERED))
            conversations.appending(DEFAULT_ORG, session, turn)(connection)
    began, covered = time.perf_counter(), -1
    while True:
        made = await app.gate.acall("conversations.summarise", {"session": session}, LOCAL_OWNER)
        now = made.summary.messages if made.summary else 0
        if now == covered:
            break
        covered = now
    took = time.perf_counter() - began
    times, cpu = [], []
    await app.gate.acall("agent.ask", AskRequest("help", session), LOCAL_OWNER)  # the first
    for _ in range(rounds):
        started = time.perf_counter(), time.process_time()
        await app.gate.acall("agent.ask", AskRequest("help", session), LOCAL_OWNER)
        times.append(time.perf_counter() - started[0])
        cpu.append(time.process_time() - started[1])
    stored = ConversationNotes(app.database, new_id).view(DEFAULT_ORG, session, VIEW)
    seen = shown(stored, app.prompts.text("default"), "help")
    tokens = sum(len(each.content) for each in seen) // 4
    wall, busy = 1000 * statistics.median(times), 1000 * statistics.median(cpu)
    return Cost(messages, wall, busy, len(seen), tokens, took)


async def measure(sizes: list[int], rounds: int) -> list[Cost]:
    """One after another, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/bench.db"
        settings = Settings.read({**os.environ, "CONDUIT_HOME": folder, "CONDUIT_DB_URI": uri})
        async with open_app(settings, detect=False) as app:
            return [await cost(app, size, rounds) for size in sizes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, nargs="+", default=[20, 200, 2000, 20_000])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = asyncio.run(measure(given.messages, given.rounds))
    print(
        f"{'messages':>9} {'ask ms':>8} {'CPU ms':>7} {'shown':>6} {'tokens':>7} "
        f"{'catching up s':>14}"
    )
    for each in found:
        print(
            f"{each.messages:>9} {each.ask_ms:>8.2f} {each.ask_cpu_ms:>7.2f} "
            f"{each.shown_messages:>6} {each.shown_tokens:>7} {each.catching_up_s:>14.2f}"
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in found], indent=2))


if __name__ == "__main__":
    main()
