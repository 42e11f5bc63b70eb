"""Variations are legal, bounded, repeatable, and leave alone what makes the groove."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm import STYLES, EngineConfig, LayerConfig, Role
from conduit.rhythm.check import check_config
from conduit.rhythm.vary import jittered
from conduit.rhythm.vary.jitter import EVOLVE, FULLNESS, LOUDNESS, SWING, TURN
from tests.rhythm.configs import engine_configs

MOST = {
    "swing": SWING, "evolve": EVOLVE, "velocity": LOUDNESS, "density": FULLNESS,
    "probability": FULLNESS, "maybe": 2 * FULLNESS, "rotation": TURN,
}  # fmt: skip


@given(engine_configs(), st.integers(1, 10_000), st.floats(0, 1))
def test_a_variation_is_legal_bounded_and_repeatable(
    config: EngineConfig, number: int, amount: float
) -> None:
    varied, changes = jittered(config, number, amount)
    check_config(varied)
    assert (varied, changes) == jittered(config, number, amount)
    assert varied.seed == (config.seed + number) % 2**53
    for change in changes:
        most = MOST[change.field.rpartition(".")[2]] * amount
        slack = 0.5 if isinstance(change.was, int) else 0.006
        assert 0 < abs(change.now - change.was) <= most + slack


@given(engine_configs(), st.integers(1, 100))
def test_what_is_not_listed_stays(config: EngineConfig, number: int) -> None:
    varied, changes = jittered(config, number, 1.0)
    moved = {change.field for change in changes}
    assert varied.bpm == config.bpm
    for index, (old, new) in enumerate(zip(config.layers, varied.layers, strict=True)):
        assert (new.pattern, new.pulses, new.fills) == (old.pattern, old.pulses, old.fills)
        fields = ("velocity", "density", "probability", "maybe", "rotation", "swing", "ghost")
        for field in fields:
            listed = any(each.startswith(f"layers[{index}].{field}") for each in moved)
            assert listed == (getattr(new, field) != getattr(old, field))
        assert replace(new, **{field: getattr(old, field) for field in fields}) == old


def test_without_amount_only_the_seed_changes() -> None:
    for config in STYLES.values():
        assert jittered(config, 3, 0.0) == (replace(config, seed=config.seed + 3), ())


def test_dials_that_do_nothing_are_not_moved_and_a_kick_is_not_turned() -> None:
    kick = LayerConfig(name="kick", pitch=36, role=Role.KICK, pulses=4, steps=16)
    hat = LayerConfig(name="hat", pitch=42, pattern="x")
    rim = LayerConfig(name="rim", pitch=37, pulses=5, steps=16)
    groove = EngineConfig(layers=(kick, hat, rim))
    moved = {(c.layer, c.field) for n in range(1, 40) for c in jittered(groove, n, 1.0)[1]}
    assert moved == {
        ("", "swing"), ("", "evolve"), ("kick", "layers[0].velocity"),
        ("hat", "layers[1].velocity"), ("rim", "layers[2].velocity"),
        ("rim", "layers[2].rotation"),
    }  # fmt: skip
