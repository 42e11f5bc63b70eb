"""The chain: all bars at once is what one step after another would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm import EngineConfig, LayerConfig, MarkovConfig, Role, render
from conduit.rhythm.control.markov import chain, weakness
from tests.rhythm.scores.loops import metre_of

numbers = st.lists(st.floats(-1, 1), min_size=8, max_size=8)


@given(
    numbers,
    st.lists(st.booleans(), min_size=8, max_size=8),
    numbers,
    st.floats(-1, 1),
    st.booleans(),
)
def test_one_step_after_another(
    need: list[float], forced: list[bool], pull: list[float], persistence: float, before: bool
) -> None:
    expected, now = [], before
    for step in range(8):
        lean = persistence / 2 if now else -persistence / 2
        now = forced[step] or need[step] < pull[step] + lean
        expected.append(now)
    found = chain(
        np.array([need]), np.array([[pull]]), persistence, np.array([forced]), np.array([before])
    )
    assert found.tolist() == [[expected]]


def test_weakness_goes_from_the_downbeat_to_the_weakest_steps() -> None:
    assert weakness(metre_of().weights)[:5].tolist() == [-1, 1, 0.5, 1, 0]
    assert weakness(metre_of(steps=1, beats=1).weights).tolist() == [0]


def hits(markov: MarkovConfig, pattern: str = "x.x. x.x. x.x. x.x.", bars: int = 64) -> np.ndarray:
    """How often each step of the bar plays."""
    layer = LayerConfig(name="hat", role=Role.HAT, pitch=42, pattern=pattern)
    session = render(EngineConfig(layers=(layer,), evolve=1.0), bars=bars, markov=markov)
    return np.bincount(session.steps % 16, minlength=16) / bars


def test_full_fidelity_plays_what_is_written_and_none_ignores_it() -> None:
    assert hits(MarkovConfig(fidelity=1)).tolist() == [1, 0] * 8
    rates = hits(MarkovConfig(fidelity=0), bars=1024)
    assert rates.mean() == pytest.approx(0.5, abs=0.03)
    assert abs(rates[::2].mean() - rates[1::2].mean()) < 0.03


def test_accents_always_play_and_other_layers_stay() -> None:
    assert hits(MarkovConfig(fidelity=0, sync=0.5), "X...")[::4].tolist() == [1] * 4
    snare = LayerConfig(name="snare", role=Role.SNARE, pitch=38, pattern=".... x...")
    hat = LayerConfig(name="hat", role=Role.HAT, pitch=42, pattern="x")
    session = render(EngineConfig(layers=(snare, hat)), markov=MarkovConfig(fidelity=0.2))
    assert set(session.grid()[0].bars) == {"....x.......x..."}
    assert session.grid()[1].bars[0] != "x" * 16
    named = render(EngineConfig(layers=(snare, hat)), markov=MarkovConfig(layers=("snare",)))
    assert set(named.grid()[1].bars) == {"x" * 16}
    assert set(named.grid()[0].bars) != {"....x.......x..."}


def test_sync_leans_off_the_beat() -> None:
    ahead, straight = (hits(MarkovConfig(fidelity=0.4, sync=sync)) for sync in (0.4, -0.4))
    assert ahead[1::2].mean() > straight[1::2].mean() + 0.3
    assert ahead[0] < straight[0] - 0.3


def runs(persistence: float) -> float:
    """Of the hits, the part that follows a hit."""
    layer = LayerConfig(name="hat", role=Role.HAT, pitch=42, pattern=".")
    markov = MarkovConfig(fidelity=0, persistence=persistence)
    session = render(EngineConfig(layers=(layer,), evolve=1.0), bars=512, markov=markov)
    played = np.zeros(512 * 16, np.bool_)
    played[session.steps] = True
    return float((played[1:] & played[:-1]).sum() / played[1:].sum())


def test_persistence_makes_runs_and_gaps() -> None:
    assert runs(0.6) == pytest.approx(0.8, abs=0.04)
    assert runs(0.0) == pytest.approx(0.5, abs=0.04)
    assert runs(-0.6) == pytest.approx(0.2, abs=0.04)
