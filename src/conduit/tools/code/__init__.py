"""Running code that nobody has read: the sandboxes, and which of them this machine has."""
