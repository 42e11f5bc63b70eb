"""MIDI 2.0 for whoever looks at it: what words say."""
