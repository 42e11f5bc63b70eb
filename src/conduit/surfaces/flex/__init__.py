"""A way in for MIDI 2.0: control envelopes that travel as text in Flex Data."""
