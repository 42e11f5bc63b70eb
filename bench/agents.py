"""What a loop of a model and a tool adds for each step, beside LangGraph and pydantic-ai.

A model that answers at once calls one tool that returns at once, 50 times in a run, then says that
it is done. Conduit stores every step, as it always does; so does LangGraph (with its SQLite
checkpointer, synchronously, which is what survives a kill). pydantic-ai stores nothing. Each has a
database file of its own on the same disk; runs are made in turns, and medians are shown.

    python bench/agents.py [--peers PYTHON] [--runs 7]

``--peers`` is the Python of an environment with ``langgraph``, ``langgraph-checkpoint-sqlite`` and
``pydantic-ai-slim``; without one only Conduit is measured. ``--waiting N`` measures instead N runs
at once that wait two seconds for slow models: memory, and what is added to each run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from conduit.agents.ask import AskRequest, ask_blocks
from conduit.agents.events import AskReply
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.model_rights import ModelRights
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.budget import Budget
from conduit.agents.system_prompts import SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.agents.voting import Voting
from conduit.app.metering import Metering
from conduit.app.settings import Settings
from conduit.blocks import Catalog, Effects, Gate, block
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, ToolCallDelta
from conduit.models.blocks import model_blocks
from conduit.models.caching.cache import Cache
from conduit.models.caching.settings import CacheSettings
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.routes import Routes
from conduit.models.registry import ProviderRegistry
from conduit.models.setup.settings import GatewaySettings
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.runs import Runs
from conduit.telemetry.ids import IdMaker

STEPS = 50
Times = Generator[tuple[float, float], None, None]

_PEERS = r"""
import asyncio, json, sys, time, os
from typing import Any

STEPS = 50
kind, folder = sys.argv[1], sys.argv[2]

def langgraph():
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, HumanMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    @tool
    def note(word: str) -> str:
        "Note a word."
        return word

    class Model(BaseChatModel):
        @property
        def _llm_type(self): return "scripted"
        def _generate(self, messages, stop=None, run_manager=None, **more):
            turn = sum(m.type == "ai" for m in messages)
            call = {"name": "note", "args": {"word": "a"}, "id": f"c{turn}"}
            calls = [] if turn == STEPS else [call]
            message = AIMessage("done" if turn == STEPS else "", tool_calls=calls)
            return ChatResult(generations=[ChatGeneration(message=message)])

    model = Model()
    async def ask(state): return {"messages": [await model.ainvoke(state["messages"])]}
    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask); graph.add_node("tools", ToolNode([note]))
    graph.add_edge(START, "ask"); graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")

    async def main():
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/langgraph.db") as saver:
            app = graph.compile(checkpointer=saver)
            n = 0
            for line in sys.stdin:
                n += 1
                config = {"configurable": {"thread_id": str(n)}, "recursion_limit": 1000}
                began = time.perf_counter(), time.process_time()
                asked = {"messages": [HumanMessage("go")]}
                made = await app.ainvoke(asked, config, durability="sync")
                took = time.perf_counter() - began[0], time.process_time() - began[1]
                assert len(made["messages"]) == 2 * STEPS + 2
                print(json.dumps(took), flush=True)
    asyncio.run(main())

def pydantic_ai():
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.usage import UsageLimits

    def answer(messages, info):
        turn = sum(m.kind == "response" for m in messages)
        call = ToolCallPart("note", {"word": "a"}, f"c{turn}")
        return ModelResponse(parts=[TextPart("done") if turn == STEPS else call])

    agent = Agent(FunctionModel(answer))
    @agent.tool_plain
    def note(word: str) -> str:
        "Note a word."
        return word

    async def main():
        for line in sys.stdin:
            began = time.perf_counter(), time.process_time()
            made = await agent.run("go", usage_limits=UsageLimits(request_limit=1000))
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            assert made.output == "done"
            print(json.dumps(took), flush=True)
    asyncio.run(main())

{"langgraph": langgraph, "pydantic-ai": pydantic_ai}[kind]()
"""


@dataclass(frozen=True)
class Word:
    """A word."""

    word: str


@block("bench.note", summary="Note a word", guarded=True, effects=Effects.WRITES_STATE, inline=True)
def note(given: Word) -> Word:
    return given


@block("bench.look", summary="Look a word up", guarded=True, effects=Effects.READS, inline=True)
def look(given: Word) -> Word:
    return given


class Model:
    """Calls a tool until it has done so often enough; each answer takes ``seconds``."""

    name, type, model, base_url, local = "model", "openai_compatible", "m-1", "", True

    def __init__(self, tool: str, steps: int, seconds: float = 0.0) -> None:
        self._tool = tool
        self._steps = steps
        self._seconds = seconds

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """The summary of a long conversation, which is made beside what is timed."""
        return ChatResponse("words were noted", provider=self.name, model=self.model)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        turn = sum(message.role == "assistant" for message in request.messages)
        if self._seconds:
            await asyncio.sleep(self._seconds)
        if turn < self._steps:
            call = ToolCallDelta(0, f"c{turn}", self._tool, '{"word": "a"}')
            yield Chunk(tool_calls=(call,), finish_reason="tool_calls")
        else:
            yield Chunk(text="done", finish_reason="stop")

    async def aclose(self) -> None:
        """Nothing is held open."""


@contextlib.contextmanager
def conduit(folder: Path, model: Model) -> Iterator[Gate]:
    """The agent with everything that it has in the product, but for HTTP."""
    settings = Settings(folder, f"sqlite:///{folder}/conduit.db", "warning", {})
    with (
        closing(Database(settings.db_uri)) as database,
        closing(Runs(database, time.time)) as runs,
        closing(Metering(settings, database, IdMaker())) as metering,
    ):
        registry = ProviderRegistry()
        registry.add(model)
        routes = Routes(registry, GatewaySettings(), time.monotonic, random.Random(0))
        cache = Cache(CacheSettings(), secrets.token_bytes(32))
        gateway = Gateway(routes, metering, IdMaker(), cache)
        blocks = model_blocks(gateway, registry, "http://127.0.0.1:1")
        gate = Gate(Catalog([note, look, *blocks]), new_id=IdMaker())
        loop = ToolLoop(gate, (), ModelRights(gate, ["bench.*"]), prices=gateway.price_of)
        conversations = Conversations(database, IdMaker())
        notes = ConversationNotes(database, IdMaker())
        memory = Memory(notes, Summaries(notes, gate, lambda _: True, time.time))
        voting = Voting(gateway.price_of)
        agent = AgentRuns(runs, loop, conversations.appending, IdMaker(), Reach(gate), voting)
        for each in ask_blocks(loop, agent, conversations, SystemPrompts(), memory):
            gate.catalog.add(each)
        yield gate


def one(tool: str, folder: Path) -> Times:
    """Seconds and CPU seconds of one run after another."""
    with conduit(folder, Model(f"bench_{tool}", STEPS)) as gate, asyncio.Runner() as runner:
        for number in range(1_000_000):
            asked = AskRequest("go", f"s{number}", budget=Budget(steps=1000, tool_calls=1000))
            began = time.perf_counter(), time.process_time()
            reply = runner.run(gate.acall("agent.ask", asked))
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            assert isinstance(reply, AskReply)
            assert len(reply.tool_calls) == STEPS
            assert reply.status == "done"
            yield took


def peer(python: str, kind: str, folder: Path) -> Times:
    with subprocess.Popen(
        [python, "-c", _PEERS, kind, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            while True:
                print("go", file=process.stdin, flush=True)
                wall, cpu = json.loads(process.stdout.readline())
                yield wall, cpu
        finally:
            process.stdin.close()


def compare(python: str, runs: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folders = [Path(made, name) for name in ("a", "b", "c")]
        for each in folders:
            each.mkdir()
        all_of = {
            "conduit, a tool that changes something": one("note", folders[0]),
            "conduit, a tool that only reads": one("look", folders[1]),
        }
        if python:
            all_of |= {
                kind: peer(python, kind, folders[2]) for kind in ("langgraph", "pydantic-ai")
            }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in all_of}
        for each in all_of.values():
            next(each)  # to warm up
        for _ in range(runs):
            for name, each in all_of.items():
                times[name].append(next(each))
        for each in all_of.values():
            each.close()
    first = statistics.median(wall for wall, _ in next(iter(times.values())))
    print(f"{'per tool step':42} {'ms':>8} {'CPU ms':>8} {'× conduit':>10}")
    for name, found in times.items():
        wall = statistics.median(each for each, _ in found)
        cpu = statistics.median(each for _, each in found)
        print(
            f"{name:42} {1000 * wall / STEPS:8.2f} {1000 * cpu / STEPS:8.2f} {wall / first:10.2f}"
        )


async def waiting(count: int) -> None:
    """Runs at once, each of three slow answers with a tool between."""
    seconds, steps = 2.0, 2
    model = Model("bench_note", steps, seconds)
    with tempfile.TemporaryDirectory() as made, conduit(Path(made), model) as gate:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        async def run(number: int) -> float:
            began = time.perf_counter()
            await gate.acall("agent.ask", AskRequest("go", f"s{number}"))
            return time.perf_counter() - began - seconds * (steps + 1)

        added = sorted(await asyncio.gather(*(run(n) for n in range(count))))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = steps + 1
    print(f"{count} runs at once, each of {each} answers that take {seconds:.0f} s, all stored:")
    print(f"  memory {before / 1024:.0f} MB before, {peak / 1024:.0f} MB at most")
    for share in (0.5, 0.99):
        at = added[min(count - 1, int(share * count))]
        print(f"  added to a run, p{100 * share:.0f}: {1000 * at:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="", help="a Python that has the peers")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--waiting", type=int, default=0, help="so many runs at once instead")
    given = parser.parse_args()
    if given.waiting:
        asyncio.run(waiting(given.waiting))
    else:
        compare(given.peers, given.runs)
    sys.exit(0)
