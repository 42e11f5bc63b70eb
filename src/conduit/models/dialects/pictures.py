"""Pictures as clients send them: addresses, data URLs, bare base64."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import Image
from conduit.models.dialects.reader import Reader

_LONGEST_ADDRESS = 8192
_SIGNS = {
    "/9j/": "image/jpeg",
    "iVBORw0KGgo": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
"""How the base64 of each format begins."""
_SIZES = {"low": "low", "high": "high", "original": "high"}
_DETAILS = frozenset({"auto", *_SIZES})
"""``auto`` is the same as to say nothing."""

_HINT = (
    "send an address that begins with https://, or data:image/png;base64,… (JPEG, PNG, GIF, WebP)"
)


def from_address(reader: Reader, address: Any, where: str, detail: Any = None) -> Image | None:
    """A picture at an ``http(s):`` address, or inside a ``data:`` URL; None after a fault."""
    size = "" if detail is None else _detail(reader, detail, where)
    if type(address) is not str:
        reader.fault(where, "is missing" if address is None else "expected a string", _HINT)
        return None
    head = address[:8].lower()
    if head.startswith("data:"):
        return _from_data(reader, address, where, size)
    if not head.startswith(("https://", "http://")):
        reader.fault(where, "is no address of a picture", _HINT)
    elif len(address) > _LONGEST_ADDRESS or "\0" in address:
        reader.fault(where, f"is no address, or longer than {_LONGEST_ADDRESS} characters", _HINT)
    else:
        return Image(url=address, detail=size)
    return None


def _from_data(reader: Reader, address: str, where: str, detail: str) -> Image | None:
    """RFC 2397: ``data:<media type>[;parameters];base64,<data>``."""
    comma = address.find(",", 5, 200)
    head = address[5 : max(comma, 5)].lower()
    media_type, _, parameters = head.partition(";")
    if not media_type.startswith("image/") or not parameters.endswith("base64"):
        reader.fault(where, "is no data URL of a picture in base64", _HINT)
        return None
    return inline(reader, address[comma + 1 :], media_type, where, detail)


def inline(
    reader: Reader, data: Any, media_type: Any, where: str, detail: str = ""
) -> Image | None:
    """Base64 with the type of picture that it is said to be; None after a fault."""
    if type(data) is not str or not data:
        reader.fault(where, "holds no picture in base64", _HINT)
    elif type(media_type) is not str or not media_type.startswith("image/"):
        reader.fault(where, "has no media type of a picture", _HINT)
    elif not data.isascii() or "\0" in data or '"' in data:
        reader.fault(where, "is not base64", _HINT)
    else:
        return Image(data=data, media_type=media_type, detail=detail)
    return None


def bare(reader: Reader, data: Any, where: str) -> Image | None:
    """Base64 of which nobody says what it is: known by how it begins; None after a fault."""
    if type(data) is str:
        for sign, media_type in _SIGNS.items():
            if data.startswith(sign):
                return inline(reader, data, media_type, where)
        if data[:5] == "data:":
            return _from_data(reader, data, where, "")
    reader.fault(where, "is no JPEG, PNG, GIF or WebP picture in base64", _HINT)
    return None


def _detail(reader: Reader, detail: Any, where: str) -> str:
    given = reader.choice(detail, f"{where.rpartition('.')[0]}.detail", _DETAILS)
    return _SIZES.get(given, "")
