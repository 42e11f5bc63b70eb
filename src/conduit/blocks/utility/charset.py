"""From the bytes of a web page to text, or the reason why it is none.

A byte-order mark decides, then the charset that was declared, then UTF-8. Decoding is strict, and a
text has no NUL characters: what cannot be read without guessing is not text.
"""

from __future__ import annotations

import codecs
import re

from conduit.contracts.errors import InvalidInput

_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^\s"';]+)""", re.IGNORECASE)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_KNOWN = {
    "ascii": "utf-8", "us-ascii": "utf-8", "utf-8": "utf-8", "utf8": "utf-8",
    "utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "windows-31j": "cp932",
    "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
    "koi8-r": "koi8_r", "koi8-u": "koi8_u", "ibm866": "cp866", "macintosh": "mac_roman",
    "latin1": "iso8859_1", "latin-1": "iso8859_1", "windows-874": "cp874", "tis-620": "cp874",
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in range(1, 17) if n != 12},
    **{f"windows-{n}": f"cp{n}" for n in range(1250, 1259)},
}  # fmt: skip
"""The charsets of the web (WHATWG Encoding) as Python names them. A closed list, because Python
also knows codecs that are no charsets, and one of them takes quadratic time."""


def codec_of(label: str) -> str:
    """Python's name of a charset as the web writes it; empty for one that the web does not know."""
    return _KNOWN.get(label.strip().lower(), "")


def declared_charset(content_type: str) -> str:
    """The charset that a ``Content-Type`` header names; empty where it names none."""
    found = _CHARSET.search(content_type)
    return found[1] if found else ""


def codec_of_mark(body: bytes) -> str:
    """Python's name of the charset that a byte-order mark says; empty without one."""
    return next((codec for mark, codec in _MARKS.items() if body.startswith(mark)), "")


def text_of(body: bytes, content_type: str) -> str:
    """The text of a body with this ``Content-Type`` header, which may be empty.

    Raises ``InvalidInput`` when it is not text, or its charset is unknown.
    """
    codec = codec_of_mark(body)
    if not codec:
        declared = declared_charset(content_type)
        codec = codec_of(declared) if declared else "utf-8"
    if not codec:
        raise InvalidInput("the reply declares a charset that is unknown")
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the body is not text: byte {error.start} of {len(body)} is not {codec}"
        ) from None
    if "\0" in text:
        raise InvalidInput(f"the body of {len(body)} bytes is not text: it holds NUL characters")
    return text
