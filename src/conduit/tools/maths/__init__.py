"""Mathematics, exactly: what a text says, and a process of its own that works it out."""
