"""Who is measured, and how each is started: one worker, its router, no cache, no database.

Peers are used where they are installed, each in an environment of its own below one folder::

    python -m venv PEERS/vllm-router && PEERS/vllm-router/bin/pip install vllm-router
    python -m venv PEERS/tensorzero  && PEERS/tensorzero/bin/pip install tensorzero
    python -m venv PEERS/litellm     && PEERS/litellm/bin/pip install 'litellm[proxy]'

nginx is used where it is installed. It is a plain hop that looks at nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench._processes import ROOT, free_port
from bench.gateway.loading import Loader, Target, Unusable
from bench.gateway.machine import Group, compiled, cores, started

DIRECT, CONDUIT, _NGINX = "direct", "conduit", "nginx"
APART = {"CONDUIT_USAGE_DATABASE": "no"}
"""Usage goes to the journal only: what a database adds is measured apart (database.py)."""
_PATIENCE_S = 60.0
_URL = re.compile(r"http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)([\w/]*)")


@dataclass(frozen=True, slots=True)
class Place:
    """What a peer is told. ``folder`` is empty and its own."""

    peers: Path
    folder: Path
    port: int
    upstream: int


@dataclass(frozen=True, slots=True)
class Start:
    """How a peer is started. Its port is the given one, or the one in the address it prints."""

    argv: Sequence[str | Path]
    environ: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    model: str = "mock"
    prints_its_address: bool = False


def _nginx(place: Place) -> Start:
    folders = "".join(
        f"{kind}_temp_path {place.folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = place.folder / "nginx.conf"
    file.write_text(f"""
daemon off;
worker_processes 1;
pid {place.folder}/pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_buffer_size 128k;
  {folders}
  upstream provider {{
    server 127.0.0.1:{place.upstream};
    keepalive 256;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{place.port};
    keepalive_requests 100000000;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return Start([program, "-p", place.folder, "-c", file, "-e", place.folder / "errors"])


def _vllm_router(place: Place) -> Start:
    return Start(
        [
            *(place.peers / "vllm-router/bin/vllm-router", "--host", "127.0.0.1"),
            *("--port", str(place.port), "--worker-urls", f"http://127.0.0.1:{place.upstream}"),
            *("--policy", "round_robin", "--log-level", "error"),
            *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port())),
        ]
    )


_TENSORZERO = """
import sys, time, tensorzero
gateway = tensorzero._start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None,
    async_setup=False,
)
print(gateway.base_url, flush=True)
time.sleep(1e6)
"""


def _tensorzero(place: Place) -> Start:
    file = place.folder / "tensorzero.toml"
    file.write_text(f"""
[gateway]
bind_address = "127.0.0.1:{place.port}"
observability.enabled = false
auth.enabled = false
[models.mock]
routing = ["upstream"]
[models.mock.providers.upstream]
type = "openai"
model_name = "mock"
api_base = "http://127.0.0.1:{place.upstream}/v1/"
api_key_location = "none"
""")
    return Start(
        [place.peers / "tensorzero/bin/python", "-c", _TENSORZERO, file],
        model="tensorzero::model_name::mock",
        prints_its_address=True,
    )


def _litellm(place: Place) -> Start:
    key = "sk-bench-of-the-gateway"
    file = place.folder / "litellm.yaml"
    upstream = {
        "model": "openai/mock",
        "api_base": f"http://127.0.0.1:{place.upstream}/v1",
        "api_key": "sk-upstream",
    }
    file.write_text(  # JSON is YAML
        json.dumps(
            {
                "model_list": [{"model_name": "mock", "litellm_params": upstream}],
                "litellm_settings": {"callbacks": [], "num_retries": 0},
                "general_settings": {"master_key": key},
            }
        )
    )
    return Start(
        [
            *(place.peers / "litellm/bin/litellm", "--config", file, "--host", "127.0.0.1"),
            *("--port", str(place.port), "--num_workers", "1"),
        ],
        {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_TELEMETRY": "False",
        },
        (f"Authorization: Bearer {key}",),
    )


_PEERS: dict[str, tuple[str, Callable[[Place], Start]]] = {
    "vllm-router": ("vllm-router/bin/vllm-router", _vllm_router),
    "tensorzero": ("tensorzero/bin/python", _tensorzero),
    "litellm": ("litellm/bin/litellm", _litellm),
}


NAMES = (CONDUIT, _NGINX, *_PEERS)


@dataclass(frozen=True, slots=True)
class Bench:
    """The stage: compiled programs, an upstream that runs, and a folder that goes away."""

    folder: Path
    loader: Loader
    upstream: int

    def direct(self) -> Target:
        """The upstream asked without anything between."""
        return Target(DIRECT, self.upstream, self.loader.upstream)

    @contextlib.contextmanager
    def peer(self, name: str, peers: Path) -> Iterator[Target]:
        place = Place(peers, self.own_folder(name), free_port(), self.upstream)
        start = _nginx(place) if name == _NGINX else _PEERS[name][1](place)
        begun = time.monotonic()
        environ = {**os.environ, **start.environ}
        log = place.folder / "log"
        with started(start.argv, self.loader.cores.gateway, log, environ) as group:
            port, path = place.port, "/v1"
            if start.prints_its_address:
                found = _wait_for_log(group, _URL)
                port, path = int(found.group(1)), found.group(2).rstrip("/")
            target = Target(
                name, port, group, f"{path}/chat/completions", start.headers, start.model
            )
            yield answering(target, begun)

    @contextlib.contextmanager
    def conduit(
        self,
        *options: str,
        on: frozenset[int] | None = None,
        environ: Mapping[str, str] | None = None,
        providers: Mapping[str, object] | None = None,
        files: int = 0,
        awaited: bool = True,
    ) -> Iterator[Target]:
        """Conduit as a gateway, with a key, metering and breakers.

        ``providers`` are those of ``providers.yaml``; if nothing is said, the upstream as OpenAI
        speaks. Where it is not ``awaited``, it listens, and nobody has looked whether it answers.
        """
        home = self.own_folder(CONDUIT)
        usual = {"mock": openai_provider(f"http://127.0.0.1:{self.upstream}/v1")}
        settings = {"providers": providers or usual}
        (home / "providers.yaml").write_text(json.dumps(settings))
        own = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        own |= {"CONDUIT_HOME": str(home), "CONDUIT_DB_URI": f"sqlite:///{home}/conduit.db"}
        own |= environ or {}
        key = _new_key(own)
        port = free_port()
        serve = f"up --role gateway --no-open --json --port {port}".split()
        argv = [*_command(), *serve, *options]
        begun = time.monotonic()
        cores = on or self.loader.cores.gateway
        with started(argv, cores, home / "log", own, files=files) as group:
            headers = (f"Authorization: Bearer {key}", "anthropic-version: 2023-06-01")
            target = Target(CONDUIT, port, group, headers=headers)
            if awaited:
                yield answering(target, begun)
            else:
                _wait_for_log(group, re.compile(re.escape(f":{port}")))
                yield target

    def own_folder(self, name: str) -> Path:
        folder = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return folder


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Bench]:
    """Compile, and start the upstream beside the gateway's core."""
    where = cores()
    port = free_port()
    programs = {name: compiled(name, folder) for name in ("upstream", "load")}
    with ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, where.others)
        argv = [str(programs["upstream"]), str(port)]
        upstream = stack.enter_context(started(argv, where.others, folder / "upstream.log"))
        answering(Target("upstream", port, upstream), time.monotonic())
        yield Bench(folder, Loader(programs["load"], folder, where, upstream), port)


def installed(peers: Path | None) -> list[str]:
    """nginx, and the peers that are there."""
    found = [_NGINX] if shutil.which("nginx") or Path("/usr/sbin/nginx").exists() else []
    if peers is not None:
        found += [name for name, (program, _) in _PEERS.items() if (peers / program).exists()]
    return found


def openai_provider(base_url: str) -> dict[str, object]:
    return {
        "type": "openai_compatible",
        "base_url": base_url,
        "api_key": "sk-upstream",
        "model": "mock",
    }


def anthropic_provider(base_url: str) -> dict[str, object]:
    return {
        "type": "anthropic",
        "base_url": base_url,
        "api_key": "sk-upstream",
        "model": "mock-claude",
    }


def answering(target: Target, begun: float) -> Target:
    """The target once it answers 200, with the time that took. Raises ``Unusable``."""
    asked = json.dumps({"model": target.model, "messages": [{"role": "user", "content": "hello"}]})
    headers = dict(header.split(": ", 1) for header in target.headers)
    headers["Content-Type"] = "application/json"
    last = "nothing listens"
    while time.monotonic() < begun + _PATIENCE_S and os.path.exists(f"/proc/{target.group.pid}"):
        wire = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
        with contextlib.closing(wire), contextlib.suppress(OSError, http.client.HTTPException):
            wire.request("POST", target.path, asked, headers)
            reply = wire.getresponse()
            text = reply.read()
            if reply.status == 200 and b"Eight bars of dub" in text:
                took = time.monotonic() - begun
                return Target(
                    *(target.name, target.port, target.group, target.path, target.headers),
                    *(target.model, took),
                )
            last = f"{reply.status} {text[:200]!r}"
        time.sleep(0.01)
    log = target.group.log.read_text(errors="replace")[-600:]
    raise Unusable(f"{target.name} does not answer ({last}):\n{log}")


def _command() -> list[str]:
    beside = Path(sys.executable).with_name("conduit")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "conduit.cli"]


def _new_key(environ: Mapping[str, str]) -> str:
    argv = [*_command(), "keys", "add", "bench", "--json"]
    made = subprocess.run(argv, env=environ, cwd=ROOT, capture_output=True, text=True)
    if made.returncode:
        raise Unusable(f"no key could be made: {made.stderr.strip()[-300:]}")
    key: str = json.loads(made.stdout)["key"]
    return key


def _wait_for_log(group: Group, pattern: re.Pattern[str]) -> re.Match[str]:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and os.path.exists(f"/proc/{group.pid}"):
        if found := pattern.search(group.log.read_text(errors="replace")):
            return found
        time.sleep(0.01)
    raise Unusable(f"it did not start:\n{group.log.read_text(errors='replace')[-600:]}")
