"""When two answers say the same: what is left of each when its wording is taken away."""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

_LONGEST: Final = 20_000
"""Characters that are looked at, from the end, where answers have their result."""
_BOXED: Final = re.compile(r"\\boxed\{([^{}]{1,500})\}")
_FINAL: Final = re.compile(
    r"(?:the\s+)?(?:final\s+)?answer\s*(?:is|[:=])[ \t]*\**[ \t]*([^\n]{1,500})", re.IGNORECASE
)
_FENCED: Final = re.compile(r"```[a-zA-Z0-9]{0,20}\s")
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_ALONE: Final = re.compile(rf"[$€£]?\s*({_NUMBER.pattern})\s*(%?)")
_EVERY_DIGIT: Final = Context(prec=_LONGEST)
_YES: Final = frozenset(("yes", "true", "correct", "right", "yeah", "yep"))
_NO: Final = frozenset(("no", "false", "incorrect", "wrong", "nope"))
_ENDS: Final = " \t\r\n.,;:!?*_`\"'()[]\u2018\u2019\u201c\u201d"
_read_json = json.JSONDecoder().raw_decode


def final_answer(text: str) -> str:
    """The part of an answer that answers: what is boxed, what follows “the answer is” for the last
    time, or else all of it."""
    text = text[-_LONGEST:].strip()
    if boxed := _BOXED.findall(text):
        return str(boxed[-1]).strip()
    if said := _FINAL.findall(text):
        return str(said[-1]).strip().rstrip(_ENDS) or text
    return text


def normalised(text: str) -> str:
    """What answers that mean the same have in common; empty for one that says nothing.

    Numbers by value (1,000 = 1000.0), JSON by content, yes and no by what they mean, words without
    case, accents' forms and punctuation. What is nothing but punctuation stays as it is."""
    answer = unicodedata.normalize("NFKC", final_answer(text))[-_LONGEST:]  # it may grow by 18
    answer = answer.strip().replace("−", "-")
    if (found := _json(answer)) is not None:
        return found
    bare = answer.strip(_ENDS)
    if alone := _ALONE.fullmatch(bare):
        return _value(alone[1]) + alone[2]
    folded = bare.casefold()
    first = folded.split(maxsplit=1)[0].strip(_ENDS) if folded else ""
    if folded.strip(_ENDS) in _YES or (first in ("yes", "no") and len(folded) < 200):
        return "yes" if first in _YES else "no"
    if folded.strip(_ENDS) in _NO:
        return "no"
    words = "".join(" " if _is_punctuation(letter) else letter for letter in folded)
    return " ".join(words.split() or answer.split())


def _value(number: str) -> str:
    try:
        value = Decimal(number.replace(",", "")).normalize(_EVERY_DIGIT)
    except InvalidOperation:
        return number
    if not value:
        return "0"
    return f"{value:f}" if abs(value.adjusted()) < 400 else str(value)


def _json(text: str) -> str | None:
    """The first JSON object or list in canonical form, where the text begins with one."""
    if fence := _FENCED.match(text):
        text = text[fence.end() :].lstrip()
    if not text.startswith(("{", "[")):
        return None
    try:
        value, _ = _read_json(text)
        return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """The same with whole numbers as such, so that 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _is_punctuation(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PSZ" and letter not in "+-%"
