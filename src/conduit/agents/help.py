"""Help on what can be asked for, in the words that work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.blocks import Block, Length, block

TOPICS: Final[Mapping[str, str]] = {
    "grooves": (
        "Ask for a style, and what should be different: “8 bars of industrial at 140 bpm with "
        "sparse ghost kicks”. Then change the last one: “more swing”, “less dense”, “without "
        "hats”, “another seed”, “undo”. Between two: “morph minimal into acid”, “morph this into "
        "dub”, “40 % from dub to hard”, “from dub to hard in 5 steps”."
    ),
    "configs": (
        "A groove can be kept under a name and worked on: “save this as late_night”, “show my "
        "configs”, “show config late_night”, “change the swing in late_night to 58”, “render "
        "late_night with 32 bars”. “What examples are there?” lists ready ones, which can be "
        "rendered and copied by name."
    ),
    "phrases": (
        "A phrase leads somewhere: “make a fill phrase”, “an 8 bar acid build”, “a dub breakdown”, "
        "“a drop in hard at 150 bpm”."
    ),
    "files": (
        "Configs are files in configs/, renders are MIDI and JSON in out/; nothing outside these "
        "two folders is read or written, unless access.yaml allows it. CONDUIT_CONFIGS_DIR and "
        "CONDUIT_OUT_DIR choose others."
    ),
    "plans": (
        "Several things can be asked for in one sentence, and happen in that order: “make a dub "
        "groove, save it as dub1 and render 32 bars of it”."
    ),
    "loops": (
        "Let the conversation hear a WAV, AIFF or FLAC file: drop it onto the Studio, or `conduit "
        "analyze loop.wav --session NAME`. Then “make the hats sit like this loop”, “the kick "
        "should groove like it, 60 %”, “8 bars of dub with hats like this loop”."
    ),
    "models": (
        "Without a key the offline agent answers. With one (set ANTHROPIC_API_KEY or "
        "OPENAI_API_KEY), or with Ollama running, a language model uses the same tools."
    ),
}
"""What there is help on."""


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """What to help with."""

    topic: Annotated[str, Length(0, 200), "one of the topics; empty: all of them"] = ""


@dataclass(frozen=True, slots=True)
class HelpText:
    """How things are asked for. An unknown topic gets all of them."""

    topic: str
    text: str
    topics: tuple[str, ...]


def help_block() -> Block[Any, Any]:
    """``help.text``."""

    @block("help.text", summary="Say what can be asked for, and in which words", inline=True)
    def help_text(request: HelpRequest) -> HelpText:
        topic = topic_named(request.topic)
        text = (
            TOPICS[topic]
            if topic
            else "\n\n".join(f"**{name.capitalize()}.** {says}" for name, says in TOPICS.items())
        )
        return HelpText(topic, text, tuple(TOPICS))

    return help_text


def topic_named(words: str) -> str:
    """The topic that words mean, in the singular too; empty for none."""
    said = words.casefold()
    return next((topic for topic in TOPICS if topic[:-1] in said), "")
