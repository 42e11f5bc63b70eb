"""What tools answered, in words."""

from __future__ import annotations

from typing import Any

from conduit.agents.documents import DocAnswer
from conduit.agents.help import HelpText
from conduit.agents.live.typed import ClipMade
from conduit.agents.offline.intent import CallBlock, ChangeSaved, Intent, MakeGroove, SitLike
from conduit.agents.offline.steps import Step
from conduit.agents.offline.whereabouts import told_whereabouts
from conduit.audio.blocks import RenderedAudio
from conduit.blocks import decode
from conduit.contracts.errors import InvalidInput
from conduit.contracts.outcome import ErrorInfo
from conduit.rhythm.blocks import RenderedGroove, StyleList
from conduit.rhythm.config_blocks import (
    ConfigInfo,
    ConfigList,
    ConfigText,
    ExampleList,
    SavedConfig,
)
from conduit.rhythm.morph.blocks import MorphedGroove
from conduit.rhythm.session_blocks import RenderedSession
from conduit.rhythm.sit_block import SatGroove

_MOST_LAYERS = 12


def told(step: Step | None, result: dict[str, Any]) -> str:
    """A tool's result in words; empty where another one says it already. ``step`` is the call that
    it answers, if that is known."""
    intent = step.intent if step else None
    if isinstance(intent, ChangeSaved) and "path" in result:
        return ""  # what was read on the way to the change
    try:
        if isinstance(intent, CallBlock) and "error" not in result:
            return told_whereabouts(intent.tool, result)
        text = _told(intent, result)
    except InvalidInput:  # a caller of the API may send anything as a tool's result
        return "The tool answered something I cannot read."
    return " ".join([text, *(step.remarks if step and "error" not in result else ())])


def _told(intent: Intent | None, result: dict[str, Any]) -> str:
    if "error" in result:
        return _told_error(decode(ErrorInfo, result["error"]))
    if "template" in result:
        return _told_sat(intent, decode(SatGroove, result))
    if "wav" in result:
        return _told_sound(decode(RenderedAudio, result))
    if "regions" in result:
        return _told_morph(decode(MorphedGroove, result))
    if "groove_id" in result:
        return _told_groove(intent, decode(RenderedGroove, result))
    if "clip" in result:
        return _told_clip(decode(ClipMade, result))
    if "styles" in result:
        return _told_styles(decode(StyleList, result))
    if "lanes" in result:
        return _told_session(decode(RenderedSession, result))
    if "saved" in result:
        return _told_saved(intent, decode(SavedConfig, result))
    if "configs" in result:
        return _told_configs(decode(ConfigList, result))
    if "examples" in result:
        return _told_examples(decode(ExampleList, result).examples)
    if "config" in result:
        return _told_config(decode(ConfigText, result))
    if "topics" in result:
        return decode(HelpText, result).text
    return _told_answer(decode(DocAnswer, result))


def _told_error(error: ErrorInfo) -> str:
    hint = f" ({error.hint})" if error.hint else ""
    return f"That did not work: {error.message}{hint}."


def _told_styles(found: StyleList) -> str:
    lines = [f"- **{s.name.value}** ({s.bpm:g} BPM): {s.listen}" for s in found.styles]
    return "These styles are built in:\n\n" + "\n".join(lines)


def _told_groove(intent: Intent | None, groove: RenderedGroove) -> str:
    text = f"**{groove.title}**: {_bars(groove.bars)} of {groove.style.value} at {groove.bpm:g} BPM"
    text += f", seed {groove.seed}."
    if isinstance(intent, MakeGroove) and intent.understood:
        text += f" I understood: {', '.join(intent.understood)}."
    if groove.listen and not groove.config.mute:
        text += f" {groove.listen}"
    if isinstance(intent, MakeGroove) and intent.remarks:
        text += "\n\n" + " ".join(intent.remarks)
    other = 132 if groove.bpm == 140 else 140
    return f"{text}\n\nNext: “more swing”, “less dense”, “another seed”, “{other} bpm”."


def _told_sat(intent: Intent | None, sat: SatGroove) -> str:
    like, understood, remarks = "the sound", "", ""
    if isinstance(intent, SitLike):
        like = intent.name or like
        if intent.understood:
            understood = f" I understood: {', '.join(intent.understood)}."
        remarks = "".join(f" {each}" for each in intent.remarks)
    found = sat.template
    return (
        f"**{sat.title}**: {_bars(sat.bars)} at {sat.bpm:g} BPM, seed {sat.seed}; "
        f"{', '.join(sat.layers)} {'sits' if len(sat.layers) == 1 else 'sit'} like {like}: "
        f"{found.bpm:.0f} BPM, swing {found.swing:.0f} %, {found.confidence:.0%} sure."
        f"{understood}{remarks}\n\nNext: “more swing”, “another seed”, “back on the grid”."
    )


def _told_morph(made: MorphedGroove) -> str:
    if made.regions:
        way = ", ".join(
            f"{each.amount:.0%} from beat {each.start_beat:g} at {each.bpm:g} BPM"
            for each in made.regions
        )
        return f"**{made.title}**, {_bars(made.bars)} in one file: {way}."
    return (
        f"**{made.title}**: {_bars(made.bars)} at {made.bpm:g} BPM, swing {made.swing:.0f} %."
        "\n\nNext: another share, as “70 % from dub to hard”, or “from dub to hard in 5 steps”."
    )


def _told_sound(made: RenderedAudio) -> str:
    return f"**{made.wav.name}**: {made.seconds:.1f} s of sound, by a small drum synthesiser."


def _told_clip(made: ClipMade) -> str:
    where = made.target.track
    track = "the selected track" if where == "selected" else f"the track {where}"
    length = f" over {made.length_beats:g} beats" if made.length_beats else ""
    return f"In Live: {made.notes} notes{length}, for a clip on {track}."


def _told_session(session: RenderedSession) -> str:
    text = f"**{session.title}**: {_bars(session.bars)} at {session.bpm:g} BPM, seed {session.seed}"
    return f"{text}, in {_paths(session.saved)}. {session.listen}".rstrip()


def _told_saved(intent: Intent | None, config: SavedConfig) -> str:
    verb = "Changed" if isinstance(intent, ChangeSaved) else "Saved"
    return (
        f"{verb} **{config.name}**: {_bars(config.bars)} at {config.bpm:g} BPM, swing "
        f"{config.swing:g} %, in {_paths(config.saved)}. Next: “render {config.name} with 32 bars”."
    )


def _told_configs(found: ConfigList) -> str:
    if not found.configs:
        return "No configs are saved yet. Make a groove and say “save this as late_night”."
    return (
        "Your configs:\n\n"
        + "\n".join(map(_line, found.configs))
        + (f"\n\nand {found.more} more." if found.more else "")
    )


def _told_examples(examples: tuple[ConfigInfo, ...]) -> str:
    lines = "\n".join(map(_line, examples))
    return f"These examples can be rendered and copied by name:\n\n{lines}"


def _line(config: ConfigInfo) -> str:
    if config.problem:
        return f"- **{config.name}** cannot be played: {config.problem.splitlines()[0]}"
    about = f"{_bars(config.bars)} at {config.bpm:g} BPM"
    return f"- **{config.name}** ({about}): {config.listen or config.title}"


def _told_config(found: ConfigText) -> str:
    config = found.config if isinstance(found.config, dict) else {}
    layers = config.get("layers")
    names = [str(each.get("name")) for each in layers or () if isinstance(each, dict)]
    fields = {k: v for k, v in config.items() if isinstance(v, str | int | float)}
    said = "\n".join(f"- {name}: {value}" for name, value in fields.items())
    shown = ", ".join(names[:_MOST_LAYERS]) + (" …" if len(names) > _MOST_LAYERS else "")
    return f"**{found.name}** ({found.path})\n\n{said}\n- layers: {shown}"


def _told_answer(answer: DocAnswer) -> str:
    if not answer.found:
        return (
            "The documentation does not say, and I only know grooves and Conduit itself. To ask "
            "anything else, set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama."
        )
    return f"{answer.answer}\n\n(from docs/{answer.page}, “{answer.section}”)"


def _bars(bars: int) -> str:
    return "1 bar" if bars == 1 else f"{bars} bars"


def _paths(paths: tuple[str, ...]) -> str:
    return " and ".join(paths)
