"""Ways in. A surface parses its own wire format, calls the gate, and renders what comes back."""
