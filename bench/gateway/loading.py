"""One load on one target, with everything that is counted meanwhile."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gateway.machine import Cores, Group, busy_s

_SYSTEM = "You are a helpful assistant. " * 10
_USER = "Say something about rain, in eight bars. " * 20


class Unusable(Exception):
    """Somebody did not start, does not answer, or went away."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who answers on 127.0.0.1. ``group`` is the gateway, or the upstream asked alone."""

    name: str
    port: int
    group: Group
    path: str = "/v1/chat/completions"
    headers: tuple[str, ...] = ()
    model: str = "mock"
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds."""

    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    most: float


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. ``cpu_us`` is the gateway's CPU time for a request; ``busy`` the cores
    it used, ``others`` the cores that programs used which have nothing to do with the run."""

    seconds: float
    answers: int
    refused: int
    broken: int
    left: int
    redials: int
    cpu_s: float
    mb: float
    events: float
    us: Times
    first_us: Times
    cpu_us: float
    busy: float
    others: float
    taken: float
    """Of the gateway's own cores, what everybody but the gateway used."""

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True)
class Body:
    """What is asked: a file, where to, and whether the client hangs up after the first bytes."""

    file: Path
    path: str = ""
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Loader:
    """Runs the load generator beside the upstream, on the cores that are not the gateway's."""

    program: Path
    folder: Path
    cores: Cores
    upstream: Group
    relays: list[Group] = field(default_factory=list)
    """Whoever else is part of the load, and not of what is measured."""

    def body(self, target: Target, *, stream: bool = False, say: str = "", path: str = "") -> Body:
        """About 1 KB: a conversation in OpenAI's or, for its path, in Anthropic's words."""
        anthropic = (path or target.path).endswith("/messages")
        messages = [{"role": "user", "content": f"{_USER}{say}"}]
        asked: dict[str, Any] = {"model": target.model, "stream": stream}
        if anthropic:
            asked |= {"max_tokens": 1000, "system": _SYSTEM, "messages": messages}
        else:
            asked["messages"] = [{"role": "system", "content": _SYSTEM}, *messages]
        file = self.folder / f"body-{len(list(self.folder.glob('body-*')))}.json"
        file.write_text(json.dumps(asked))
        return Body(file, path)

    def argv(self, target: Target, bodies: Sequence[Body], *options: str) -> list[str]:
        argv = [str(self.program), "-p", str(target.port), *options]
        for header in target.headers:
            argv += ["-H", header]
        for body in bodies:
            argv += ["-u", body.path or target.path, "-x" if body.leaves else "-b", str(body.file)]
        return argv

    def run(
        self,
        target: Target,
        *bodies: Body,
        connections: int = 1,
        seconds: float = 0.0,
        requests: int = 0,
        options: Sequence[str] = (),
    ) -> Load:
        """For so many seconds, or until so many requests are over. Raises ``Unusable``."""
        until = ["-n", str(requests)] if requests else ["-d", f"{seconds:g}"]
        argv = self.argv(target, bodies, "-c", str(connections), *until, *options)
        cores = self.cores.gateway
        ours = [target.group, self.upstream, *self.relays]
        ours = list({group.pid: group for group in ours}.values())
        gateway, all_ours = target.group.cpu_s(), sum(group.cpu_s() for group in ours)
        machine, own_cores, begun = busy_s(), busy_s(cores), time.monotonic()
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                preexec_fn=lambda: os.sched_setaffinity(0, self.cores.others),
                timeout=seconds + 60 + requests / 100,
            )
        except subprocess.TimeoutExpired as error:
            raise Unusable(f"{target.name}: the load did not end: {error.timeout:.0f} s") from None
        if done.returncode:
            raise Unusable(f"{target.name}: {done.stderr.strip()[:300]}")
        wall = time.monotonic() - begun
        said = json.loads(done.stdout)
        gateway = target.group.cpu_s() - gateway
        all_ours = sum(group.cpu_s() for group in ours) - all_ours + said["cpu_s"]
        took = said["answers"] + said["refused"] + said["left"]
        return Load(
            **{**said, "us": Times(**said["us"]), "first_us": Times(**said["first_us"])},
            cpu_us=gateway / took * 1e6 if took else 0.0,
            busy=gateway / wall,
            others=max(0.0, (busy_s() - machine - all_ours) / wall),
            taken=max(0.0, (busy_s(cores) - own_cores - gateway) / wall),
        )


@dataclass(frozen=True, slots=True)
class Series:
    """The same load several times over."""

    loads: tuple[Load, ...]

    def median(self, figure: Callable[[Load], float]) -> float:
        return statistics.median(map(figure, self.loads))

    def noise(self, figure: Callable[[Load], float]) -> float:
        """Half the distance between the extremes, as a share of the median."""
        values = [figure(load) for load in self.loads]
        middle = statistics.median(values)
        return (max(values) - min(values)) / 2 / middle if middle else 0.0

    @property
    def others(self) -> float:
        return max(load.others for load in self.loads)

    @property
    def faults(self) -> int:
        return sum(load.refused + load.broken for load in self.loads)


def repeated(times: int, load: Callable[[], Load]) -> Series:
    return Series(tuple(load() for _ in range(times)))
