"""Bodies of text: baselines and their versions, what changed between them, and retrieval."""
