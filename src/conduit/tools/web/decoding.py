"""From the bytes of a page to text, as browsers do it: somebody is to read it, so a wrong byte is
shown as one and nothing is refused.

A byte-order mark decides, then the header, then what the page says of itself in its first bytes
(HTML standard, 13.2.3.2), then whether it is UTF-8, and at last windows-1252, which is what old
pages without a word mean.
"""

from __future__ import annotations

import re
from typing import Final

from conduit.blocks.utility.charset import codec_of, codec_of_mark, declared_charset

_IN_PAGE: Final = re.compile(
    rb"""<(?:meta[^>]{0,400}?|\?xml[^>]{0,200}?)(?:charset|encoding)\s{0,9}=\s{0,9}["']?"""
    rb"""([A-Za-z0-9_:.-]{1,40})""",
    re.IGNORECASE,
)
_SNIFFED: Final = 4096
_AS_BROWSERS: Final = {"iso8859_1": "cp1252", "iso8859_9": "cp1254", "iso8859_11": "cp874"}
"""Latin-1 means windows-1252 on the web (WHATWG Encoding, 4.2)."""


def page_text(body: bytes, content_type: str, *, markup: bool) -> str:
    """The text; what is no letter is U+FFFD. ``markup`` says that the page may name its charset."""
    codec = codec_of_mark(body) or codec_of(declared_charset(content_type))
    if not codec and markup and (found := _IN_PAGE.search(body[:_SNIFFED])):
        codec = codec_of(found[1].decode("ascii"))
        if codec.startswith("utf-16"):  # it could be read, so it is not
            codec = "utf-8"
    if not codec:
        try:
            return _clean(body.decode("utf-8"))
        except UnicodeDecodeError:
            codec = "cp1252"
    return _clean(body.decode(_AS_BROWSERS.get(codec, codec), errors="replace"))


def _clean(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.replace("\r\n", "\n").replace("\r", "\n")
