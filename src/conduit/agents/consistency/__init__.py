"""Self-consistency as a block; how answers are compared and counted: ``models.consistency``."""
