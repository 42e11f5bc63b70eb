"""Runs of the agent: a state machine whose every step is stored, to go on from after a crash."""
