"""Ears: what can be said of sound in numbers, each with how sure it is.

Pure like the rest of the room: samples go in, an :class:`Analysis` comes out, the same for the
same samples. No model is downloaded and none is needed for loops and tracks with a beat.

::

    from conduit.audio.ears import listen
    from conduit.audio.reading import read_sound

    heard = listen(read_sound(Path("loop.wav").read_bytes()))
    heard.tempo.bpm, heard.key.name, heard.loudness.integrated_lufs
"""

from conduit.audio.ears.capture import Capture
from conduit.audio.ears.listen import listen
from conduit.audio.ears.template import groove_of
from conduit.audio.findings import Analysis

__all__ = ["Analysis", "Capture", "groove_of", "listen"]
