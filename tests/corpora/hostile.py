"""Texts that are no prose: each of a length that anything but linear time would not end with."""

from __future__ import annotations

from hypothesis import strategies as st

LARGE = {
    "one letter": "a" * 200_000,
    "full stops": "." * 200_000,
    "stops and blanks": ". " * 100_000,
    "quotes": "'\"." * 66_666,
    "line ends": "\n" * 200_000,
    "blank lines": "\n \n\t" * 50_000,
    "headings": "# \n" * 66_666,
    "short lines": "a\n" * 100_000,
    "one sentence, again": "The kick is on one.\n\n" * 10_000,
    "emoji": "👩‍👩‍👧‍👦" * 28_000,
    "right to left": "שלום עולם. " * 18_000,
    "no blanks between words": "一二三。" * 50_000,
    "accents": "e" + "\u0301" * 200_000,
    "lone surrogates": "\ud800" * 100_000,
}

SMALL = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab .!?…\n\n#\t'\"一。🥁\u0301\u200d"),
        st.characters(),
    ),
    max_size=400,
)
PROSE = st.lists(
    st.sampled_from(
        ["The kick is on one. ", "It swings!\n", "\n\n", "# Part\n", "Is it loud? ", "hat, hat. "]
    ),
    max_size=60,
).map("".join)
TEXTS = st.one_of(SMALL, PROSE)
