"""The estimate of tokens against counts that real tokenizers gave."""

from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    Image,
    Message,
    OutputSchema,
    Thinking,
    ToolCall,
    ToolSpec,
)
from conduit.models.dialects.counting import estimate, picture_tokens, text_tokens
from conduit.models.dialects.picture_size import picture_size

COUNTED = json.loads((Path(__file__).parent / "counted.json").read_text("utf-8"))
"""Text, with the tokens that o200k_base (tiktoken 0.14) and DeepSeek V3's tokenizer make of it."""


@pytest.mark.parametrize("name", COUNTED)
def test_the_estimate_is_as_good_as_it_says(name: str) -> None:
    counted = COUNTED[name]
    mean = (counted["o200k_base"] + counted["deepseek_v3"]) / 2
    bound = 0.15 if name in ("english", "python", "json") else 0.25
    assert text_tokens(counted["text"]) == pytest.approx(mean, rel=bound)


@given(st.text(), st.text())
def test_a_longer_text_has_no_fewer_tokens(first: str, second: str) -> None:
    both = text_tokens(first + second)
    assert max(text_tokens(first), text_tokens(second)) <= both
    assert both <= text_tokens(first) + text_tokens(second)


@given(st.binary(max_size=3000))
def test_a_token_has_between_one_character_and_sixteen(data: bytes) -> None:
    text = data.decode("latin-1")
    assert len(text) / 16 <= text_tokens(text) <= len(text) * 1.2 + 1


@pytest.mark.parametrize("sample", ["The quick brown fox. ", "漢字かな", '{"a": 1},\n', "😀"])
def test_a_megabyte_takes_less_than_20_ms(sample: str) -> None:
    text = sample * (1_000_000 // len(sample.encode()))
    best = min(_seconds(text) for _ in range(5))
    assert best < 0.02


def _seconds(text: str) -> float:
    begun = time.process_time()
    text_tokens(text)
    return time.process_time() - begun


def test_everything_in_a_request_counts() -> None:
    plain = ChatRequest((Message("user", "hi"),))
    richer = [
        ChatRequest((Message("user", "hi", name="ann"),)),
        ChatRequest((Message("user", "hi"), Message("user", ""))),
        ChatRequest((Message("assistant", "hi", (ToolCall("1", "look", "{}"),)),)),
        ChatRequest((Message("assistant", "hi", thinking=(Thinking("because"),)),)),
        ChatRequest((Message("user", "hi", parts=(Image(url="https://e.com"),)),)),
        ChatRequest(plain.messages, tools=(ToolSpec("look", "Look.", {"type": "object"}),)),
        ChatRequest(plain.messages, output=OutputSchema("a", {"type": "object"})),
    ]
    assert all(estimate(request) > estimate(plain) for request in richer)


PIXELS = st.integers(1, 16_000)


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk


def jpeg(width: int, height: int) -> bytes:
    note = b"\xff\xe1" + struct.pack(">H", 2 + 300) + b"\xff\xc0" * 150
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    return b"\xff\xd8" + note + frame + b"\0" * 9


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height)


def webp_lossy(width: int, height: int) -> bytes:
    frame = b"VP8 " + b"\0" * 7 + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + b"\0" * 4 + b"WEBP" + frame


def webp_lossless(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    return b"RIFF" + b"\0" * 4 + b"WEBPVP8L" + b"\0" * 4 + b"\x2f" + struct.pack("<I", bits)


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + b"\0" * 4 + b"WEBPVP8X" + b"\0" * 8 + size


@given(
    PIXELS,
    PIXELS,
    st.sampled_from([png, jpeg, gif, webp_lossy, webp_lossless, webp_extended]),
)
def test_the_size_of_a_picture_is_read(width: int, height: int, make: object) -> None:
    assert callable(make)
    data = base64.b64encode(make(width, height)).decode()
    assert picture_size(data) == (width, height)


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF0000WEBPVP8L", b"GIF8"])
)
def test_any_bytes_have_a_size_or_none(data: bytes, head: bytes) -> None:
    width, height = picture_size(base64.b64encode(head + data).decode())
    assert width >= 0
    assert height >= 0


@pytest.mark.parametrize(
    ("width", "height", "detail", "tokens"),
    [
        # the examples of OpenAI's guide to images
        (1024, 1024, "high", 765),
        (2048, 4096, "high", 1105),
        (4096, 8192, "low", 85),
        (1, 1, "", 255),
    ],
)
def test_pictures_count_as_openai_says(width: int, height: int, detail: str, tokens: int) -> None:
    data = base64.b64encode(png(width, height)).decode()
    assert picture_tokens(Image(data=data, media_type="image/png", detail=detail)) == tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(200, 200, 53), (1000, 1000, 1333), (1092, 1092, 1590), (8000, 8000, 1600)],
)
def test_pictures_count_as_anthropic_says(width: int, height: int, tokens: int) -> None:
    """The examples of Anthropic's guide to vision, to 1 %."""
    data = base64.b64encode(png(width, height)).decode()
    picture = Image(data=data, media_type="image/png")
    assert picture_tokens(picture, anthropic=True) == pytest.approx(tokens, rel=0.01)
