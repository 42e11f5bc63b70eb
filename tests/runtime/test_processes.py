"""Blocks in other processes: pickled, forked, interrupted, at the end of a script."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from conduit.contracts.errors import InvalidInput
from tests.fakes.upstream import FakeUpstream
from tests.runtime.conftest import MakeBlock

HELLO = [{"role": "user", "content": "hello"}]
SCRIPT = """
from conduit.conduit_types import LmLiteModelConfig
from conduit.runtime import LMLiteBlock
lm = LMLiteBlock([LmLiteModelConfig({model!r}), LmLiteModelConfig("fake-1")])
print(lm(model_id="fake-1", messages=[{{"role": "user", "content": "hello"}}]), flush=True)
{more}
"""


@dataclass
class Question:
    text: str


@dataclass
class Reply:
    text: str


def script(upstream: FakeUpstream, more: str = "", model: str = "other") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(model=model, more=more)],
        env={**os.environ, "CONDUIT_LM_BASE_URL": f"{upstream.url}/v1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_script_ends_without_a_word_of_its_connections(upstream: FakeUpstream) -> None:
    said, complained = script(upstream).communicate(timeout=50)
    assert (said, complained) == ("You said: hello\n", "")


def test_an_interrupted_script_ends_at_once(upstream: FakeUpstream) -> None:
    process = script(upstream, f"lm(model_id='silent', messages={HELLO!r})", "silent")
    assert process.stdout is not None
    assert process.stdout.readline() == "You said: hello\n"
    while len(upstream.requests) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=50)
    assert complained.rstrip().endswith("KeyboardInterrupt")
    assert "never retrieved" not in complained
    assert "Unclosed" not in complained


LEFT_OPEN = """
import asyncio
async def main():
    async for piece in lm.astream(model_id="fake-1", messages=[{"role": "user", "content": "a b"}]):
        print(piece)
        break
asyncio.run(main())
"""


def test_a_script_that_leaves_a_stream_open_ends_without_a_word(upstream: FakeUpstream) -> None:
    said, complained = script(upstream, LEFT_OPEN).communicate(timeout=50)
    assert (said, complained) == ("You said: hello\nYou \n", "")


FORK = """
import os
read, write = os.pipe()
child = os.fork()
if child == 0:
    text = lm(model_id="fake-1", messages=[{"role": "user", "content": "child"}])
    os.write(write, text.encode())
    del lm
    import gc; gc.collect()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(os.read(read, 100).decode())
print(lm(model_id="fake-1", messages=[{"role": "user", "content": "parent"}]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_makes_its_own_connections(upstream: FakeUpstream) -> None:
    said, complained = script(upstream, FORK).communicate(timeout=50)
    assert said.splitlines()[1:] == ["You said: child", "You said: parent"]
    assert complained == ""
    assert upstream.hang_ups == 0


def test_a_block_and_its_steps_may_be_pickled(make: MakeBlock, upstream: FakeUpstream) -> None:
    lm = make(concurrency=2)
    lm(model_id="fake-1", messages=HELLO)
    again = pickle.loads(pickle.dumps(lm))
    assert again.models == lm.models
    assert again(model_id="fake-1", messages=HELLO) == "You said: hello"
    step = lm.step(model_id="fake-1", input=Question, output=Reply, guidance="G", max_tokens=9)
    step(Question("q"))
    copy = pickle.loads(pickle.dumps(step))
    assert copy(Question("q")) == Reply("some text")
    assert upstream.requests[-1].body == upstream.requests[-2].body
    assert copy.name == step.name


def test_a_key_is_not_pickled(make: MakeBlock) -> None:
    with pytest.raises(InvalidInput, match="not copied into other processes") as caught:
        pickle.dumps(make(api_key="sk-very-secret"))
    assert "CONDUIT_LM_API_KEY" in caught.value.hint
    assert "sk-very-secret" not in str(caught.value)
