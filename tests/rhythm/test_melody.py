"""Lines: in key, within their octaves, and where the kick leaves them room or asks them along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.rhythm import (
    STYLES,
    EngineConfig,
    GhostConfig,
    KeyConfig,
    KickLock,
    LayerConfig,
    MelodyConfig,
    Role,
    Root,
    Scale,
    Session,
    Style,
    play,
    render,
)
from conduit.rhythm.groove import GrooveRequest, complete, config_of, groove_id
from conduit.rhythm.scale import in_scale, root_below
from conduit.rhythm.styles.lines import Part
from tests.rhythm.configs import melodies

KICK = LayerConfig(name="kick", pitch=36, pattern="x...", role=Role.KICK)
GRID = np.arange(16)


def sung(
    melody: MelodyConfig, *others: LayerConfig, config: dict[str, Any] | None = None, **fields: Any
) -> Session:
    layer = {"name": "bass", "pitch": 36, "channel": 0, "pattern": "x" * 16, "humanize": 0}
    line = LayerConfig(**layer | fields, melody=melody)
    return render(EngineConfig(layers=(line, *others), **{"bars": 1} | (config or {})))


def pitches(session: Session) -> list[int]:
    return [note.pitch for note in session.clip("bass")]


def on_steps(session: Session) -> list[int]:
    return session.steps[session.notes["layer"] == 0].tolist()


@settings(max_examples=80)
@given(
    melodies,
    st.sampled_from(Root),
    st.sampled_from(Scale),
    st.integers(0, 115),
    st.integers(0, 99),
)
def test_a_line_is_in_its_key_and_its_octaves(
    melody: MelodyConfig, root: Root, scale: Scale, pitch: int, seed: int
) -> None:
    key = KeyConfig(root=root, scale=scale)
    found = pitches(sung(melody, pitch=pitch, config={"key": key, "seed": seed, "bars": 8}))
    low = root_below(root, pitch)
    assert all(in_scale(root, scale, each) for each in found)
    assert low <= min(found)
    assert max(found) <= min(127, low + 12 * melody.octaves)


def test_a_degree_a_hit_begins_anew_with_the_phrase() -> None:
    melody = MelodyConfig(degrees=(0, 1, 2, 3, 4))
    config = {"bars": 2, "phrase_bars": 1, "cycle_bars": 1}
    found = pitches(sung(melody, pattern="x.x. x.x. x.x. x.x.", config=config))
    assert found == [33, 35, 36, 38, 40, 33, 35, 36] * 2


def test_a_degree_a_step_stays_on_its_step() -> None:
    melody = MelodyConfig(degrees=(0, 7, 0, 2), by="step", octaves=2)
    assert pitches(sung(melody, pattern="xx.x")) == [33, 45, 36] * 4


def test_moving_the_key_moves_the_line() -> None:
    melody = MelodyConfig(degrees=(0, 2, 4, 6), octaves=1)
    minor = pitches(sung(melody, pitch=48, config={"key": KeyConfig(root=Root.C)}))
    phrygian = KeyConfig(root=Root.D, scale=Scale.PHRYGIAN)
    assert minor[:4] == [48, 51, 55, 58]
    assert pitches(sung(melody, pitch=50, config={"key": phrygian}))[:4] == [50, 53, 57, 60]


def test_wandering_strays_by_one_degree_and_leaps_by_an_octave() -> None:
    wandering = MelodyConfig(degrees=(3,), wander=0.5)
    found = np.array(pitches(sung(wandering, config={"bars": 64, "evolve": 1.0})))
    assert set(found) == {36, 38, 40}
    assert (found != 38).mean() == pytest.approx(0.5, abs=0.08)
    leaping = MelodyConfig(degrees=(0,), leap=0.25, octaves=2)
    found = np.array(pitches(sung(leaping, config={"bars": 64, "evolve": 1.0})))
    assert set(found) == {33, 45}
    assert (found == 45).mean() == pytest.approx(0.25, abs=0.08)


def test_chords_stand_above_the_line() -> None:
    melody = MelodyConfig(degrees=(0, 3), chord=(0, 2, 4, 6))
    session = sung(melody, pattern="x...", pitch=60, config={"key": KeyConfig(root=Root.C)})
    assert pitches(session)[:8] == [60, 63, 67, 70, 65, 68, 72, 75]
    assert session.steps[:8].tolist() == [0] * 4 + [4] * 4


def test_a_line_answers_the_kick_or_goes_with_it() -> None:
    answer, together = (MelodyConfig(kick=lock) for lock in (KickLock.ANSWER, KickLock.WITH))
    assert on_steps(sung(answer, KICK)) == GRID[GRID % 4 > 0].tolist()
    assert on_steps(sung(together, KICK)) == [0, 4, 8, 12]
    assert on_steps(sung(MelodyConfig(), KICK)) == GRID.tolist()
    assert on_steps(sung(together)) == GRID.tolist()


@given(st.integers(0, 500))
def test_together_an_answer_and_a_shadow_are_the_whole_line(seed: int) -> None:
    kick = LayerConfig(
        name="kick", pitch=36, pattern="x.?. ?..?", role=Role.KICK, fills=("X.xx",),
        ghost=GhostConfig(probability=0.3),
    )  # fmt: skip
    config = {"bars": 8, "seed": seed}
    answer, shadow = (
        sung(MelodyConfig(kick=lock), kick, config=config)
        for lock in (KickLock.ANSWER, KickLock.WITH)
    )
    kicks = shadow.notes[(shadow.notes["layer"] == 1) & (shadow.notes["velocity"] >= 50)]
    assert len(on_steps(shadow)) == len(kicks)
    assert sorted(on_steps(answer) + on_steps(shadow)) == list(range(128))


def test_length_is_a_parameter_of_the_groove() -> None:
    melody = MelodyConfig(degrees=(0, 1), gates=(1.0, 0.5, 2.0, 0.25))
    notes = sung(melody, length=0.5).notes
    assert notes["duration"][:4].tolist() == [240, 120, 480, 60]


def test_slides_reach_into_the_next_note_and_never_into_the_same() -> None:
    melody = MelodyConfig(degrees=(0, 3, 0, 0), by="step", slides="x.x.")
    notes = sung(melody, length=0.5).notes
    assert notes["duration"][:4].tolist() == [540, 240, 480, 240]
    far = sung(melody, length=0.5, pattern="x" + "." * 31, config={"bars": 4}).notes
    assert set(far["duration"].tolist()) == {240}


def test_a_part_comes_only_when_it_is_asked_for() -> None:
    for style in Style:
        plain = config_of(GrooveRequest(style))
        assert {layer.channel for layer in plain.layers} == {9}
        both = config_of(GrooveRequest(style, parts=(Part.STAB, Part.BASS, Part.BASS)))
        assert [layer.role for layer in both.layers[len(plain.layers) :]] == [Role.BASS, Role.STAB]
        assert [layer.channel for layer in both.layers[len(plain.layers) :]] == [0, 1]
        drums = play(both).notes
        assert drums[drums["channel"] == 9].tobytes() == play(plain).notes.tobytes()


@pytest.mark.parametrize("style", Style)
def test_the_parts_of_a_style_sound_in_its_key_or_in_another(style: Style) -> None:
    for root, scale in ((None, None), (Root.G_SHARP, Scale.BLUES)):
        wish = complete(GrooveRequest(style, parts=tuple(Part), root=root, scale=scale))
        assert wish == complete(wish)
        assert wish.root
        assert wish.scale
        session = play(config_of(wish))
        lines = session.notes[session.notes["channel"] < 9]
        assert len(np.unique(lines["layer"])) == 2
        assert all(in_scale(wish.root, wish.scale, int(pitch)) for pitch in lines["pitch"])


def test_a_part_can_be_muted_and_names_from_before_still_hold() -> None:
    muted = config_of(GrooveRequest(Style.HARD, parts=(Part.BASS, Part.STAB), mute=("bass",)))
    assert muted.layers[-1].role is Role.STAB
    assert len(muted.layers) == len(STYLES[Style.HARD].layers) + 1
    assert groove_id(GrooveRequest(Style.DUB)) == "787cb2fe6c45443133e11952"
    assert groove_id(GrooveRequest(Style.DUB, parts=(Part.BASS,))) != "787cb2fe6c45443133e11952"
