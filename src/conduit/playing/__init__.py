"""Playing in time: alone, or together with the others of an Ableton Link session."""
