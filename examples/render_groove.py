"""A groove in Python: a style, what should be different, and a MIDI file."""

from dataclasses import replace

from conduit.rhythm import STYLES, LayerConfig, Style, render

dub = STYLES[Style.DUB]
cowbell = LayerConfig(name="cowbell", pitch=56, pulses=5, steps=16, rotation=2, velocity=70)
session = render(replace(dub, layers=(*dub.layers, cowbell)), bars=8, bpm=124, swing=60, seed=3)

print(session.text(bars=2))
print(f"{len(session.notes)} notes, saved {session.save('dub-with-cowbell.mid')}")
