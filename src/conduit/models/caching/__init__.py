"""Answers kept for requests that come again: the same one, or one that means the same."""
