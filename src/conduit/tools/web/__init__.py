"""The web for models: searching it, and reading a page of it."""
