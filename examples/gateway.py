"""A gateway of its own, asked by three official clients that know nothing of each other."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from anthropic import Anthropic
from ollama import Client
from openai import OpenAI

_PROVIDERS = """
providers:
  box:
    type: openai_compatible
    base_url: {url}
    model: {model}
"""


def ask(url: str, question: str) -> None:
    """The same model behind three addresses."""
    openai = OpenAI(base_url=f"{url}/v1", api_key="none needed")
    chat = openai.chat.completions.create(
        model="box", messages=[{"role": "user", "content": question}]
    )
    print("openai:", chat.choices[0].message.content)
    anthropic = Anthropic(base_url=url, api_key="none needed")
    with anthropic.messages.stream(
        model="box", max_tokens=200, messages=[{"role": "user", "content": question}]
    ) as stream:
        print("anthropic:", "".join(stream.text_stream))
    ollama = Client(host=url)
    answer = ollama.chat(model="box", messages=[{"role": "user", "content": question}])
    print("ollama:", answer.message.content)


with tempfile.TemporaryDirectory() as home:
    providers = _PROVIDERS.format(
        url=os.environ.get("CONDUIT_LM_BASE_URL", "http://127.0.0.1:8000/v1"),
        model=os.environ.get("CONDUIT_LM_MODEL", "Qwen/Qwen3-4B-Instruct-2507-FP8"),
    )
    Path(home, "providers.yaml").write_text(providers, encoding="utf-8")
    gateway = subprocess.Popen(
        [sys.executable, "-m", "conduit.cli", "up", "--role", "gateway", "--port", "0", "--json"],
        env={**os.environ, "CONDUIT_HOME": home, "CONDUIT_DB_URI": f"sqlite:///{home}/usage.db"},
        stdout=subprocess.PIPE,
    )
    assert gateway.stdout is not None
    try:
        ask(json.loads(gateway.stdout.readline())["url"], "Write a haiku about GPUs.")
    finally:
        gateway.terminate()
        gateway.wait()
