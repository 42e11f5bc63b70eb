"""What the controller saw, what it changed and why: one entry a bar."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.rhythm.scores import ScoreName
from conduit.rhythm.steering import Targets


@dataclass(frozen=True, slots=True)
class Reading:
    """The normalised scores of one bar."""

    entrainment: float
    syncopation: float
    density: float
    entropy: float
    tension: float


@dataclass(frozen=True, slots=True)
class Knobs:
    """How the chain was set (see ``conduit.rhythm.control.markov``). Multiples of 1/1024."""

    density: float
    """-1 to 1: added to the probability of every step."""
    sync: float
    """-1 to 1: added on weak steps, and taken away on strong ones."""
    surprise: float
    """0 to 1: the part of the steps that are decided anew instead of as before."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A single step of a bar that was set or cleared."""

    layer: str
    step: int
    set: bool


@dataclass(frozen=True, slots=True)
class BarLog:
    """One bar of a steered groove."""

    bar: int
    """From 0."""
    windows: Targets
    """As the modulators left them."""
    saw: Reading
    """What the bar would have been with nothing changed."""
    played: Reading
    """What it became."""
    before: Knobs
    after: Knobs
    touches: tuple[Touch, ...]
    rescued: bool
    """Whether entrainment had fallen below its floor."""
    modulators: tuple[float, ...]
    """Their values, in the order of the config."""

    @property
    def outside(self) -> tuple[ScoreName, ...]:
        """The scores that were played outside their windows."""
        return tuple(name for name in ScoreName if self._off(name, self.played))

    @property
    def why(self) -> str:
        """The bar in one line, for people."""
        causes = [text for name in ScoreName if (text := self._off(name, self.saw))]
        moved = [
            f"{name} {after - before:+.3f}"
            for name in ("density", "sync", "surprise")
            if (after := getattr(self.after, name)) != (before := getattr(self.before, name))
        ]
        moved += [f"{'+' if t.set else '-'}{t.layer}[{t.step}]" for t in self.touches]
        moved += ["rescue: kick on every beat"] if self.rescued else []
        if not causes and not moved:
            return "inside"
        return f"{', '.join(causes) or 'guard'}: {', '.join(moved) or 'nothing helped'}"

    def _off(self, name: ScoreName, reading: Reading) -> str:
        window, value = getattr(self.windows, name), getattr(reading, name)
        if window is None or window.low <= value <= window.high:
            return ""
        side = "below" if value < window.low else "above"
        return f"{name} {value:.3f} {side} {window.low:.3f} to {window.high:.3f}"
