"""What a conversation keeps in view of a model: pinned facts, a summary, the newest turns."""
