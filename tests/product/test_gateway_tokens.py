"""Tokens at a gateway of several workers: one makes it, any of them takes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx

from tests.fakes.upstream import FakeUpstream
from tests.product.server import COMMAND, Server


class Gateway(Server):
    """``conduit up --role gateway`` with two workers."""

    def begin(self) -> None:
        with (self.home / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "up", "--role", "gateway", "--workers", "2", "--port", "0", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environ,
                cwd=self.home,
                text=True,
            )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]


def test_each_worker_takes_the_token_that_another_made(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    """Each request is a connection of its own, which any worker may get: that all of twenty go to
    one has a chance of one in half a million."""
    gateway = Gateway(tmp_path)
    (gateway.home / "providers.yaml").write_text(
        "providers:\n  fake:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    made = subprocess.run(
        [*COMMAND, "keys", "add", "laptop"],
        env=gateway.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    key = made.stdout.strip()
    gateway.begin()
    try:
        address = f"{gateway.url}/auth/token"
        assert httpx.post(address).status_code == 401
        assert httpx.get(address, headers={"authorization": f"Bearer {key}"}).status_code == 404
        form = {"grant_type": "client_credentials", "client_id": "laptop", "scope": "models.*"}
        reply = httpx.post(address, data=form | {"client_secret": key})
        assert reply.status_code == 200, reply.text
        assert reply.headers["cache-control"] == "no-store"
        token = {"authorization": f"Bearer {reply.json()['access_token']}"}
        question = {"model": "fake-1", "messages": [{"role": "user", "content": "hi"}]}
        for _ in range(20):
            answer = httpx.post(
                f"{gateway.url}/v1/chat/completions", json=question, headers=token, timeout=20
            )
            assert answer.status_code == 200, answer.text
        assert httpx.post(address, headers=token).status_code == 401
        assert httpx.get(f"{gateway.url}/metrics", headers=token).status_code == 403
    finally:
        gateway.stop()
