"""What it takes to read and write MIDI 2.0, alone and beside cmidi2, and what random words do.

Packets are a set of their own: notes, controllers, timestamps, clocks, SysEx and texts, as a busy
stage sends them. "bulk" finds the packets of all words and makes a column of every field of every
class of message; cmidi2, a C header, does the same with its getters for the channel voice messages,
where a compiler is, given the folder that holds ``libremidi/cmidi2.hpp`` (in the source package of
pylibremidi). ``--fuzz`` reads that many random words in every way there is.

    python bench/ump.py [--packets 1000000] [--cmidi2 FOLDER] [--fuzz 10000000]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from conduit.contracts.errors import InvalidInput
from conduit.midi.flex import BANK_METADATA, UNKNOWN_METADATA, TextAssembler, text_packets
from conduit.midi.ump import (
    LAYOUTS,
    ByteStream,
    EndpointTextAssembler,
    Form,
    JrTimestamp,
    LongAssembler,
    Message,
    Midi1ControlChange,
    Midi2ControlChange,
    Midi2NoteOff,
    Midi2NoteOn,
    Midi2PitchBend,
    Reserved,
    SysEx7,
    TimingClock,
    ToMidi2,
    decode,
    decode_array,
    encode,
    encode_all,
    encode_columns,
    stream_bytes,
)

_ROUNDS = 7
_SINGLE = 100_000
_FUZZED = 200_000
"""Words at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--cmidi2", type=Path, help="the folder of libremidi/cmidi2.hpp")
    parser.add_argument("--fuzz", type=int, default=0, help="random words to read")
    given = parser.parse_args()
    words = _busy(given.packets)
    _bulk(words, given.packets)
    if given.cmidi2 is not None:
        _cmidi2(words, given.packets, given.cmidi2)
    _single(words)
    _texts()
    if given.fuzz:
        _fuzz(given.fuzz)


def _busy(packets: int) -> np.ndarray:
    chance = np.random.default_rng(5)
    text = decode(text_packets("a label for the stage", bank=BANK_METADATA, status=0))
    kinds: list[Callable[[int, int], Message]] = [
        lambda a, b: Midi2NoteOn(0, a & 15, a & 127, b & 0xFFFF),
        lambda a, b: Midi2NoteOff(0, a & 15, a & 127, b & 0xFFFF),
        lambda a, b: Midi2ControlChange(1, a & 15, a & 127, b),
        lambda a, b: Midi2PitchBend(1, a & 15, b),
        lambda a, b: Midi1ControlChange(2, a & 15, a & 127, b & 127),
        lambda a, _: JrTimestamp(a & 0xFFFF),
        lambda a, _: TimingClock(a & 15),
        lambda a, _: SysEx7(0, Form.COMPLETE, bytes([a & 127] * 5)),
        lambda a, _: text[a & 1],
    ]
    odds = [0.3, 0.25, 0.15, 0.05, 0.05, 0.1, 0.04, 0.03, 0.03]
    some = 20_000
    which = chance.choice(len(kinds), some, p=odds)
    first, second = chance.integers(0, 1 << 16, some), chance.integers(0, 1 << 32, some)
    made = encode_all(
        kinds[kind](a, b)
        for kind, a, b in zip(which.tolist(), first.tolist(), second.tolist(), strict=True)
    )
    return np.tile(np.array(made, np.uint32), -(-packets // some))


def _bulk(words: np.ndarray, packets: int) -> None:
    print(f"{packets:,} packets, {len(words):,} words")
    found = decode_array(words)
    _rate("bulk: where packets begin", len(found), lambda: decode_array(words))
    _rate("bulk: and notes on as columns", len(found), lambda: _columns(words, [Midi2NoteOn]))
    _rate("bulk: and every field of all", len(found), lambda: _columns(words, list(LAYOUTS)))
    notes = decode_array(words).columns(Midi2NoteOn)
    _rate("bulk: columns to words", len(notes["note"]), lambda: encode_columns(Midi2NoteOn, notes))


def _columns(words: np.ndarray, messages: list[type[Message]]) -> None:
    found = decode_array(words)
    for message in messages:
        found.columns(message)


def _cmidi2(words: np.ndarray, packets: int, folder: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        print("cmidi2: there is no C++ compiler here")
        return
    source = Path(__file__).with_suffix(".cpp")
    with tempfile.TemporaryDirectory() as place:
        program, data = Path(place, "ump"), Path(place, "words")
        flags = ["-O3", "-march=native", "-std=c++20", "-w", f"-I{folder}"]
        subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)
        words.tofile(data)
        done = subprocess.run(
            [str(program), str(data), str(_ROUNDS)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    for line in done.stdout.splitlines():
        what, seconds = line.rsplit(maxsplit=1)
        print(f"{what:<34}{packets / float(seconds) / 1e6:8.2f} M a second")


def _single(words: np.ndarray) -> None:
    some = words[:_SINGLE].tolist()
    messages = decode(some)[:-1]
    _rate("single: decode", len(messages), lambda: decode(some))
    whole = encode_all(messages)
    _rate("single: decode, strict", len(messages), lambda: decode(whole, strict=True))
    _rate("single: encode", len(messages), lambda: encode_all(messages))


def _texts() -> None:
    text = "x" * 1024
    words = text_packets(text, bank=BANK_METADATA, status=UNKNOWN_METADATA)
    assembler = TextAssembler()
    cut = _best(lambda: text_packets(text, bank=BANK_METADATA, status=UNKNOWN_METADATA), 200)
    join = _best(lambda: assembler.feed(words), 200)
    slow = _best(lambda: [assembler.feed(words[at : at + 4]) for at in range(0, 344, 4)], 20)
    print(f"a text of 1 KiB: cut in {cut * 1e6:.0f} us, joined in {join * 1e6:.0f} us, ", end="")
    print(f"packet by packet in {slow * 1e6:.0f} us")


def _fuzz(many: int) -> None:
    """Everything that reads reads it. An error that is not ours ends this with a traceback."""
    chance = np.random.default_rng(time.time_ns())
    texts, long, names, up = TextAssembler(), LongAssembler(), EndpointTextAssembler(), ToMidi2()
    cable, counts, worst = ByteStream(), Counter[str](), 0
    begun = time.perf_counter()
    for _ in range(-(-many // _FUZZED)):
        words = chance.integers(0, 1 << 32, _FUZZED, dtype=np.uint64).astype(np.uint32)
        flex = chance.random(_FUZZED) < 0.1  # enough texts that some of them meet
        words[flex] = words[flex] & 0x00FF_03FF | 0xD000_0000
        given = words.tolist()
        messages = decode(given)
        assert abs(len(decode_array(words)) - len(messages)) <= 1
        for message in messages:
            counts["reserved" if isinstance(message, Reserved) else "known"] += 1
        counts["texts"] += len(texts.feed(given))
        counts["long messages"] += len(long.feed(messages))
        counts["names"] += len(names.feed(messages))
        counts["bytes for a cable"] += sum(len(_cable(each)) for each in up.feed(messages)[:5000])
        cable.feed(words[:5000].tobytes())
        counts["faults"] += len(texts.take_faults()) + len(long.take_faults())
        worst = max(worst, texts.open_bytes + long.open_bytes)
        for message in messages[:2000]:
            try:
                assert decode(encode(message)) == [message]
            except InvalidInput:
                counts["refused by the writer"] += 1
    spent = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{many:,} random words in {spent:.0f} s, at most {worst:,} bytes open, {peak} MiB")
    print("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))


def _cable(message: Message) -> bytes:
    try:
        return stream_bytes(message)
    except InvalidInput:
        return b""


def _rate(what: str, packets: int, work: Callable[[], object]) -> None:
    print(f"{what:<34}{packets / _best(work) / 1e6:8.2f} M a second")


def _best(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of CPU, of the best of several rounds."""
    spent = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            work()
        spent.append((time.process_time() - begun) / times)
    return min(spent)


if __name__ == "__main__":
    main()
