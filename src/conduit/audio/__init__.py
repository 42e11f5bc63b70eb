"""Hearing a groove: notes become sound.

A small synthesiser and nothing else: a drum machine for the drum channel, one plucked voice for
every other. Pure: a :class:`~conduit.midi.smf.Song` goes in, samples or the bytes of a WAV file
come out, and there is no sound card, sample library or clock. Real instruments sound better; this
is for knowing within a second what a groove does.

::

    from conduit.audio import render_song, wav_bytes
    from conduit.midi import smf

    Path("groove.wav").write_bytes(wav_bytes(render_song(smf.load("groove.mid"))))
"""

from conduit.audio.song import MAX_SECONDS, render_song
from conduit.audio.sound import RATE, Samples
from conduit.audio.wav import wav_bytes

__all__ = ["MAX_SECONDS", "RATE", "Samples", "render_song", "wav_bytes"]
