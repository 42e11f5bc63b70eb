"""Reading groove parameters out of a sentence.

Each reader looks for one parameter and says in words what it understood. Absolute values
("140 bpm") are read before relative ones ("faster"), which start from the last groove.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from conduit.agents.offline.intent import Draft
from conduit.rhythm.styles import STYLES, Style

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_WORDS = {
    word: number
    for number, words in {
        1: "one single a",
        2: "two",
        4: "four",
        8: "eight",
        12: "twelve",
        16: "sixteen",
        32: "thirty-two thirtytwo",
        64: "sixty-four sixtyfour",
    }.items()
    for word in words.split()
}

STYLE_WORDS: Mapping[str, str] = {
    "four on the floor": "warehouse",
    "four-on-the-floor": "warehouse",
    "warehouse": "warehouse",
    "berghain": "warehouse",
    "peak time": "warehouse",
    "industrial": "industrial",
    "ebm": "industrial",
    "hypnotic": "hypnotic",
    "trance-like": "hypnotic",
    "minimal": "minimal",
    "dub techno": "dub",
    "dub": "dub",
    "acid": "acid",
    "303": "acid",
    "broken": "broken",
    "breakbeat": "broken",
    "breaks": "broken",
    "electro": "electro",
    "hardgroove": "hard",
    "hard techno": "hard",
    "hard": "hard",
    "schranz": "hard",
    "idm": "idm",
    "glitch": "idm",
    "autechre": "idm",
    "aphex": "idm",
}
"""Words people use, and the style they mean. Longer phrases are looked for first."""

_KIND_WORDS: Mapping[str, frozenset[str]] = {
    "bass drum": frozenset({"kick"}),
    "hat": frozenset({"hat", "open_hat"}),
    "hi-hat": frozenset({"hat", "open_hat"}),
    "hihat": frozenset({"hat", "open_hat"}),
    "perc": frozenset({"percussion"}),
    "percussion": frozenset({"percussion"}),
    "drum": frozenset({"kick", "snare"}),
}
"""Words for whole kinds of layers; any other word is looked up among the layers' own names."""

_LAYER_NAMES = frozenset(layer.name for style in STYLES.values() for layer in style.layers)
_LAYER = "|".join(sorted(map(re.escape, {*_KIND_WORDS, *_LAYER_NAMES, "tom"}), key=len, reverse=True))
_MORE = r"(?:(?P<much>much|way|lot|far)\s+)?(?P<way>more|less|fewer|extra|increase|decrease|raise|lower|reduce)"


def read_style(text: str, draft: Draft) -> None:
    known = {style.value for style in Style}
    for phrase in sorted(STYLE_WORDS, key=len, reverse=True):
        if STYLE_WORDS[phrase] in known and re.search(rf"\b{re.escape(phrase)}\b", text):
            draft.put("style", STYLE_WORDS[phrase], f"{STYLE_WORDS[phrase]} style")
            return


def read_bpm(text: str, draft: Draft) -> None:
    found = (
        re.search(rf"{_NUMBER}\s*-?\s*(?:bpm|beats per minute)\b", text)
        or re.search(rf"\b(?:bpm|tempo)\s*(?:of|to|at|is|=|:)?\s*{_NUMBER}", text)
        or re.search(r"\b(?:at|@)\s*(\d{2,3})\b(?!\s*(?:%|percent|bars?|steps?|swing))", text)
    )
    if found:
        bpm = float(found.group(1))
        draft.put("bpm", bpm, f"{bpm:g} BPM")


def read_bars(text: str, draft: Draft) -> None:
    found = re.search(r"(-?\d+)\s*-?\s*(?:bars?|measures?)\b", text)
    if found:
        bars = int(found.group(1)[:9])
    else:
        spoken = re.search(rf"\b({'|'.join(_WORDS)})[\s-]+bars?\b", text)
        if not spoken:
            return
        bars = _WORDS[spoken.group(1)]
    draft.put("bars", bars, f"{bars} bar" if bars == 1 else f"{bars} bars")


def read_seed(text: str, draft: Draft) -> None:
    if found := re.search(r"\bseed\s*(?:of|is|=|:|#)?\s*(\d{1,18})\b", text):
        draft.put("seed", int(found.group(1)), f"seed {found.group(1)}")


def read_rotation(text: str, draft: Draft) -> None:
    found = re.search(
        r"\brotat\w*\s*(?P<left>left)?(?:right)?\s*(?:by|of|to|=|:)?\s*(-?\d{1,3})\b", text
    )
    if found:
        steps = int(found.group(2)) * (-1 if found.group("left") else 1)
        draft.put("rotation", steps, f"rotated by {steps} steps")


def read_swing(text: str, draft: Draft) -> None:
    found = re.search(rf"\bswing\s*(?:of|at|to|is|=|:)?\s*{_NUMBER}\s*(%)?", text) or re.search(
        rf"{_NUMBER}\s*(%|percent)?\s*swing\b", text
    )
    if found:
        given = float(found.group(1))
        # Below 50 it cannot be the percentage of a pair, so it is an amount: 0 straight, 1 (or 50 %) full.
        amount = given if given <= 1 else given / 50
        swing = given if given >= 50 else round(50 + 25 * min(amount, 1), 1)
        draft.put("swing", swing, f"swing {swing:g} %")
        return
    for pattern, swing in (
        (r"\b(?:no swing|straight|unswung)\b", 50.0),
        (r"\b(?:heavy|heavily|lots? of|hard|strong)\s+(?:swing|swung|shuffled?)\b", 64.0),
        (r"\b(?:light|lightly|subtle|slight|slightly|little)\s+(?:swing|swung|shuffled?)\b", 54.0),
        (r"(?<!more )(?<!less )\b(?:swing|swung|swinging|shuffled?|swingy)\b", 58.0),
    ):
        if re.search(pattern, text):
            draft.put("swing", swing, "straight" if swing == 50 else f"swing {swing:g} %")
            return


def read_ghosts(text: str, draft: Draft) -> None:
    found = re.search(
        rf"\bghost\w*(?:\s+(?:kicks?|notes?|hits?))?(?:\s+probability)?\s*(?:of|at|to|is|=|:)?\s*"
        rf"{_NUMBER}\s*(%|percent)?",
        text,
    ) or re.search(rf"{_NUMBER}\s*(%|percent)\s*ghost", text)
    if found:
        ghost = _share(found.group(1), found.group(2))
        draft.put("ghost", ghost, f"ghost kicks at {ghost:.0%}")
        return
    for pattern, ghost in (
        (r"\b(?:no|without|zero)\s+(?:any\s+)?ghost", 0.0),
        (r"\b(?:sparse|few|rare|occasional|subtle|light|some rare|a couple of)\s+ghost", 0.15),
        (r"\b(?:lots? of|many|heavy|dense|busy|loads of)\s+ghost", 0.6),
        (r"(?<!more )(?<!less )(?<!fewer )\bghost", 0.3),
    ):
        if re.search(pattern, text):
            word = "no ghost kicks" if ghost == 0 else f"ghost kicks at {ghost:.0%}"
            draft.put("ghost", ghost, word)
            return


def read_density(text: str, draft: Draft) -> None:
    found = re.search(
        rf"\bdensity\s*(?:of|at|to|is|=|:)?\s*{_NUMBER}\s*(%|percent)?", text
    ) or re.search(rf"{_NUMBER}\s*(%|percent)?\s*(?:density|dense)\b", text)
    if found:
        density = _share(found.group(1), found.group(2))
        draft.put("density", density, f"density {density:.0%}")
        return
    rest = re.sub(r"\b(?:\w+\s+)?ghost\w*(?:\s+(?:kicks?|notes?))?", " ", text)
    for pattern, density in (
        (r"(?<!more )(?<!less )\b(?:dense|busy|full|packed|intense)\b", 0.75),
        (r"(?<!more )(?<!less )\b(?:sparse|empty|spacious|stripped(?:[ -]back)?|airy)\b", 0.3),
    ):
        if re.search(pattern, rest):
            draft.put("density", density, f"density {density:.0%}")
            return


def _layers_meant(word: str, style: Style) -> list[str]:
    """The layers of a style that a word means: by kind, by name, or by the end of a name."""
    kinds = _KIND_WORDS.get(word, frozenset())
    return [
        layer.name
        for layer in STYLES[style].layers
        if layer.role.value in kinds or layer.name == word or layer.name.endswith(f" {word}")
    ]


def read_mutes(text: str, draft: Draft, last: Mapping[str, Any] | None) -> None:
    style = Style(draft.arguments.get("style") or (last or {}).get("style") or Style.WAREHOUSE)
    muted: list[str] = list((last or {}).get("mute") or [])
    before = list(muted)
    out = rf"\b(?:no|without|mute|drop|remove|kill|lose|minus)\s+(?:the\s+|any\s+)?({_LAYER})s?\b"
    back = rf"\b(?:unmute|bring back|restore|add|with)\s+(?:the\s+|a\s+)?({_LAYER})s?\b"
    for found in re.finditer(out, text):
        muted += [name for name in _layers_meant(found.group(1), style) if name not in muted]
    for found in re.finditer(back, text):
        muted = [name for name in muted if name not in _layers_meant(found.group(1), style)]
    if muted != before:
        draft.put("mute", muted, f"without {', '.join(muted)}" if muted else "all layers")


def read_relative(text: str, draft: Draft, last: Mapping[str, Any]) -> None:
    """"More", "less" and their kin, from the values of the last groove."""
    for name, (words, up, down, step, low, high, unit) in _RELATIVE.items():
        direction, much = _direction(text, words, up, down)
        if not direction or name in draft.arguments:
            continue
        was = float(last.get(name) or 0.0)
        now = min(high, max(low, was + direction * step * (2 if much else 1)))
        value: float = round(now, 3)
        shown = f"{value:.0%}" if unit == "share" else f"{value:g}{unit}"
        same = f"{name} stays at {shown}, its limit"
        draft.put(name, value, same if value == was else f"{name} {shown}")
    if re.search(r"\b(?:longer|double (?:the )?length|twice as long)\b", text):
        bars = min(4096, int(last.get("bars") or 8) * 2)
        draft.put("bars", bars, f"{bars} bars")
    if re.search(r"\b(?:shorter|half (?:the )?length|half as long)\b", text):
        bars = max(1, int(last.get("bars") or 8) // 2)
        draft.put("bars", bars, f"{bars} bars")
    if re.search(_ANOTHER, text):
        seed = int(last.get("seed") or 0) + 1
        draft.put("seed", seed, f"seed {seed}")


_ANOTHER = (
    r"\b(?:another|different|variation|vary|again|reroll|re-roll|new (?:one|seed)|other seed"
    r"|next one|surprise me)\b"
)

_Relative = tuple[str, str, str, float, float, float, str]
# words after "more"/"less", words for up, words for down, step, lowest, highest, unit
_RELATIVE: Mapping[str, _Relative] = {
    "swing": ("swing|swung|shuffle", "swingier|looser", "straighter|tighter", 3, 50, 75, " %"),
    "density": (
        "dense|density|busy|hits|notes|full|movement|energy|going on",
        "denser|busier|fuller",
        "sparser|emptier|calmer|thinner",
        0.15,
        0.0,
        1.0,
        "share",
    ),
    "ghost": ("ghosts?|ghost kicks?|ghost notes?", "ghostlier", "cleaner", 0.15, 0.0, 1.0, "share"),
    "bpm": ("bpm|tempo|speed|fast", "faster|quicker|speed (?:it )?up", "slower|slow (?:it )?down",
            4, 20, 300, " BPM"),
    "rotation": ("rotation|rotated", "rotate", "unrotate", 1, -64, 64, " steps"),
}


def _direction(text: str, words: str, up: str, down: str) -> tuple[int, bool]:
    """+1, -1 or 0 for a parameter, and whether "much" was said."""
    if found := re.search(rf"\b{_MORE}\s+(?:the\s+|of\s+the\s+)?(?:{words})\b", text):
        sign = 1 if found.group("way") in ("more", "extra", "increase", "raise") else -1
        return sign, bool(found.group("much"))
    for pattern, sign in ((up, 1), (down, -1)):
        if found := re.search(rf"\b(?:(much|way|a lot|far)\s+)?(?:{pattern})\b", text):
            return sign, bool(found.group(1))
    return 0, False


def _share(number: str, percent: str | None) -> float:
    value = float(number)
    return round(value / 100 if percent or value > 1 else value, 3)


READERS: tuple[Callable[[str, Draft], None], ...] = (
    read_style,
    read_bpm,
    read_bars,
    read_seed,
    read_rotation,
    read_swing,
    read_ghosts,
    read_density,
)
