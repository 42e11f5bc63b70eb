"""How long a way takes, and when to leave for the next meeting."""
