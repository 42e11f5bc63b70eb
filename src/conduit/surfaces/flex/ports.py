"""Ports of this machine: device files of Linux, and through ``pylibremidi`` any port there is.

``/dev/snd/umpC1D0`` has words in the order of the processor; any other file (``/dev/snd/midiC1D0``,
a serial line) has bytes of MIDI 1.0, which are translated. Source: the kernel's documentation,
sound/designs/midi-2.0. Elsewhere, and for ports of the sequencer, ``pylibremidi`` is needed:
``pip install 'conduit-os[ports]'``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from conduit.contracts.errors import MissingDependency, NotFound, Unavailable
from conduit.midi.ump import (
    ByteStream,
    WordStream,
    bytes_of,
    decode,
    encode,
    encode_all,
    stream_bytes,
)
from conduit.surfaces.flex.devices import Identity

_SEQUENCER: Final = "/dev/snd/seq"
_AT_ONCE: Final = 1 << 14
_POLL_S: Final = 0.002
_MOST_WAITING: Final = 4096
"""Portions of words that wait to be read; then the oldest are thrown away."""


class Port(Protocol):
    """An open port: a link, and words that come from it."""

    @property
    def identity(self) -> Identity: ...

    async def send(self, words: list[int]) -> None: ...

    async def words(self) -> list[int]:
        """The next words, or none at its end."""
        ...


@asynccontextmanager
async def open_port(name: str) -> AsyncGenerator[Port, None]:
    """Open a device file, or a port by its name or a part of it.

    Raises ``NotFound``, ``Unavailable`` and ``MissingDependency``.
    """
    if name.startswith("/"):
        file = DeviceFile(Path(name))
        try:
            yield file
        finally:
            file.close()
        return
    port = await SystemPort.open(name)
    try:
        yield port
    finally:
        port.close()


def opened(path: Path, mode: int) -> int:
    """The descriptor of a device file, where nothing is waited for. Raises ``NotFound`` and
    ``Unavailable``."""
    try:
        return os.open(path, mode | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(
            "there is no such device", where=str(path), hint="is it plugged in?"
        ) from None
    except OSError as error:
        raise Unavailable(
            f"the device cannot be opened: {error.strerror}",
            where=str(path),
            hint="does another program hold it? are you in the group audio?",
        ) from None


class DeviceFile:
    """A device file. Writing waits for nobody: what a full device does not take is lost."""

    def __init__(self, path: Path) -> None:
        self._file = opened(path, os.O_RDWR)
        self.identity = Identity(key=f"port {path}", endpoint=path.name, here=True)
        self._packets = holds_packets(path)
        self._stream = WordStream("native")
        self._bytes = ByteStream()
        self._ready = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._file, self._ready.set)

    async def send(self, words: list[int]) -> None:
        """See ``Link.send``."""
        data = bytes_of(words, "native") if self._packets else midi1_bytes(words)
        with suppress(OSError):
            os.write(self._file, data)

    async def words(self) -> list[int]:
        """See ``Port.words``."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            try:
                data = os.read(self._file, _AT_ONCE)
            except BlockingIOError:
                continue
            except OSError:  # unplugged
                return []
            if not data:
                return []
            found = self._stream.feed(data) if self._packets else self._translated(data)
            if found:
                return found

    def close(self) -> None:
        """Let go of it."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _translated(self, data: bytes) -> list[int]:
        return encode_all(self._bytes.feed(data))


def holds_packets(path: Path) -> bool:
    """Whether a device file takes words; else it takes bytes of MIDI 1.0."""
    return path.name.startswith("ump")


def midi1_bytes(words: list[int]) -> bytes:
    """What of some words can be said in MIDI 1.0: no Flex Data, no questions among endpoints."""
    return b"".join(map(stream_bytes, decode(words)))


class SystemPort:
    """A port of the system, in and out, through ``pylibremidi``."""

    def __init__(self, name: str, source: Any, sink: Any) -> None:
        self.identity = Identity(key=f"port {name}", endpoint=name, here=True)
        self._source = source
        self._sink = sink
        self._waiting: asyncio.Queue[list[int]] = asyncio.Queue(_MOST_WAITING)

    @classmethod
    async def open(cls, name: str) -> SystemPort:
        """The first port whose name has ``name`` in it."""
        library = _library()
        api = library.midi2_default_api()
        observer = library.Observer(library.ObserverConfiguration(), api)
        inputs = [each for each in observer.get_input_ports() if name in each.display_name]
        if not inputs:
            raise NotFound(
                f"no port is called {name!r:.80}",
                where="ports",
                hint="`conduit flex devices` lists those there are",
            )
        said = library.UmpInputConfiguration()
        heard: list[Callable[[list[int]], None]] = []
        said.on_message = lambda packet: heard[0](list(packet.data))
        source = library.MidiIn(said, api)
        _check(source.open_port(inputs[0]), name)
        sink = None
        outputs = [
            each
            for each in observer.get_output_ports()
            if each.display_name == inputs[0].display_name
        ]
        if outputs:
            sink = library.MidiOut(library.OutputConfiguration(), api)
            _check(sink.open_port(outputs[0]), name)
        port = cls(inputs[0].display_name, source, sink)
        heard.append(port._heard)
        return port

    async def send(self, words: list[int]) -> None:
        """See ``Link.send``."""
        if self._sink is not None:
            for message in decode(words):
                self._sink.send_ump(list(encode(message)))

    async def words(self) -> list[int]:
        """See ``Port.words``. The library has no file to wait for: it is asked again and again."""
        while self._waiting.empty():
            self._source.poll()
            if self._waiting.empty():
                await asyncio.sleep(_POLL_S)
        return self._waiting.get_nowait()

    def close(self) -> None:
        """Let go of it."""
        for each in (self._source, self._sink):
            if each is not None:
                each.close_port()

    def _heard(self, words: list[int]) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(words)


class SystemSink:
    """A port of the system that is only played to, through ``pylibremidi``."""

    def __init__(self, name: str, sink: Any) -> None:
        self.name = name
        self._sink = sink

    @classmethod
    def open(cls, name: str) -> SystemSink:
        """The first port whose name has ``name`` in it. Raises as ``open_port``."""
        library = _library()
        for each in _outputs(library):
            if name in each.display_name:
                sink = library.MidiOut(library.OutputConfiguration(), library.midi2_default_api())
                _check(sink.open_port(each), name)
                return cls(each.display_name, sink)
        raise NotFound(
            f"no port that can be played to is called {name!r:.80}",
            where="ports",
            hint="`conduit flex devices` lists those there are",
        )

    def send(self, words: list[int]) -> None:
        """The words of one message."""
        self._sink.send_ump(words)

    def close(self) -> None:
        """Let go of it."""
        self._sink.close_port()


def sink_names() -> list[str]:
    """Names of the ports that can be played to. Raises as ``system_ports``."""
    return [each.display_name for each in _outputs(_library())]


def _outputs(library: Any) -> list[Any]:
    observer = library.Observer(library.ObserverConfiguration(), library.midi2_default_api())
    return list(observer.get_output_ports())


def system_ports() -> list[str]:
    """Names of the ports of this machine. Raises ``MissingDependency``, and ``NotFound`` when it
    can have none."""
    library = _library()
    observer = library.Observer(library.ObserverConfiguration(), library.midi2_default_api())
    return [each.display_name for each in observer.get_input_ports()]


def device_files(folder: Path = Path("/dev/snd")) -> list[str]:
    """Device files of Linux for packets and for bytes."""
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return []
    return [str(folder / name) for name in names if name.startswith(("umpC", "midiC"))]


def _library() -> Any:
    """``pylibremidi``. Where Linux has no sequencer it would end this process (an assertion of
    alsa-lib fails), so it is asked only where there is one."""
    if sys.platform == "linux" and not os.access(_SEQUENCER, os.R_OK | os.W_OK):
        raise NotFound(
            "this machine has no ports of MIDI",
            where=_SEQUENCER,
            hint="is a device plugged in, and are you in the group audio? or use the network",
        )
    try:
        import pylibremidi
    except ImportError:
        raise MissingDependency(
            "ports of this machine need pylibremidi",
            where="ports",
            hint="pip install 'conduit-os[ports]'; device files (/dev/snd/…) do without",
        ) from None
    return pylibremidi


def _check(error: Any, name: str) -> None:
    if error:
        raise Unavailable(
            f"the port cannot be opened: {error}", where=name, hint="does another program hold it?"
        )
