"""The words of producers, and what they mean here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STYLE_WORDS: Final[Mapping[str, str]] = {
    "four on the floor": "warehouse",
    "four to the floor": "warehouse",
    "warehouse": "warehouse",
    "berghain": "warehouse",
    "peak time": "warehouse",
    "peaktime": "warehouse",
    "rolling": "warehouse",
    "driving": "warehouse",
    "industrial": "industrial",
    "ebm": "industrial",
    "mechanical": "industrial",
    "pounding": "industrial",
    "dark": "industrial",
    "darker": "industrial",
    "hypnotic": "hypnotic",
    "loopy": "hypnotic",
    "trippy": "hypnotic",
    "minimal": "minimal",
    "micro": "minimal",
    "dub techno": "dub",
    "dub": "dub",
    "deep": "dub",
    "deeper": "dub",
    "softer": "dub",
    "acid": "acid",
    "303": "acid",
    "broken": "broken",
    "breakbeat": "broken",
    "breaks": "broken",
    "electro": "electro",
    "hardgroove": "hard",
    "hard techno": "hard",
    "hard": "hard",
    "harder": "hard",
    "banging": "hard",
    "schranz": "hard",
    "idm": "idm",
    "glitch": "idm",
    "glitchy": "idm",
    "autechre": "idm",
    "aphex": "idm",
}
"""Words people use, and the style they mean. Longer phrases are looked for first."""

NEIGHBOURS: Final[Mapping[str, str]] = {
    "house": "minimal",
    "tech house": "minimal",
    "trance": "hypnotic",
    "psytrance": "hypnotic",
    "melodic techno": "hypnotic",
    "tribal": "hypnotic",
    "ambient": "dub",
    "dubstep": "broken",
    "half time": "broken",
    "drum and bass": "broken",
    "drum & bass": "broken",
    "drum n bass": "broken",
    "dnb": "broken",
    "jungle": "broken",
    "garage": "broken",
    "hip hop": "electro",
    "trap": "electro",
    "gabber": "hard",
    "hardcore": "hard",
    "hardstyle": "hard",
    "footwork": "broken",
    "juke": "broken",
    "boom bap": "electro",
    "detroit": "electro",
    "lo fi": "dub",
    "breakcore": "idm",
}
"""Genres that are no style here, and the style that comes nearest."""

FOREIGN: Final = (
    "jazz rock punk funk soul reggae salsa samba bossa latin afrobeat disco pop blues polka "
    "classical reggaeton dancehall amapiano"
).split()
"""Genres that no style comes near to."""

KIND_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "bass drum": frozenset({"kick"}),
    "kick drum": frozenset({"kick"}),
    "hat": frozenset({"hat", "open_hat"}),
    "hi hat": frozenset({"hat", "open_hat"}),
    "hihat": frozenset({"hat", "open_hat"}),
    "open hi hat": frozenset({"open_hat"}),
    "closed hi hat": frozenset({"hat"}),
    "perc": frozenset({"percussion"}),
    "percussion": frozenset({"percussion"}),
}
"""Words for whole kinds of layers; any other word is looked up among the layers' own names."""

OTHER_LAYERS: Final = ("kick", "snare", "clap", "rim", "tom", "ride", "crash", "cymbal", "shaker")
"""Names that are understood in every style, be it only to say that it has none."""

CONNECT: Final = "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama, and ask again"

OUT_OF_REACH: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"\b(?:melod(?:y|ies)|leads?|arps?|arpeggios?|pads?|synth lines?)\b",
        "a melody",
        f"the engine plays drums, bass lines and chord stabs; for other notes {CONNECT}",
    ),
    (
        r"\b(?:mp3|flac|stems?)\b",
        "an MP3, FLAC or stems",
        "“render this to wav” makes a WAV file of all layers",
    ),
    (
        r"\b(?:vocals?|sing|lyrics|samples?)\b",
        "vocals or samples",
        "grooves are MIDI here: drop the .mid on an instrument that holds your sounds",
    ),
    (
        r"\b(?:loud(?:er)?|quiet(?:er)?|volume|velocit\w+|punch\w*|mix(?! of\b)|reverb|delay|echo"
        r"|distort\w*|compress\w*|filter|effects?|fx|sidechain\w*)\b",
        "loudness or effects",
        "grooves are MIDI here: the mixer and the effects of your DAW do that",
    ),
    (
        r"\b(?:[2356789]|1[0-35-9])\s*/\s*(?:4|8|16)\b(?!\s*bars)|\bwaltz\b",
        "a metre other than 4/4",
        "grooves are in 4/4 in this version",
    ),
    (
        r"\b(?:\w+ (?:kicks?|hits?|snares?|claps?|hats?) (?:per|a|each|every|in a) bar"
        r"|on every (?:beat|quarter|eighth|off-?beat|step)|euclid\w*|polyrhythm\w*|triplets?"
        r"|on the (?:[1-4]|one|two|three|four|off-?beats?|\d+(?:st|nd|rd|th)))\b",
        "single steps",
        "the style decides which steps play; a config of your own says them one by one",
    ),
    (
        r"\bdouble[- ]time\b",
        "double time",
        "name the tempo you want, or ask for more density",
    ),
    (
        r"\b(?:poems?|essays?|stor(?:y|ies)|e-?mails?|letters?|code|scripts?|recipes?|jokes?|tweets?"
        r"|translat\w+|summar\w+)\b",
        "that without a language model",
        CONNECT,
    ),
)
"""What people ask for that drum grooves in MIDI cannot give, and what can."""

WITHIN: Final = (
    r"\b(?:(?:in|for|after|during|on|of) the (?:first|last|second|third|fourth|final|next|other)"
    r" (?:\w+ )?(?:bars?|beats?|half)|every (?:other|\w{3,6}(?:th|nd|rd)|\d+(?:th)?|two|four|eight|"
    r"second|third) bars?|(?:in|on|at|after|from) bars? \d+|only (?:in|on) bars?)\b"
)
"""What is to happen in some bars only, which no dial does."""

WRITING: Final = OUT_OF_REACH[-1][0]
"""Asked for in whatever connection, this is no groove."""
