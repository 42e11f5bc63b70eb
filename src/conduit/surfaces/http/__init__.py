"""HTTP: the control surface, Server-Sent Events, and OpenAI's chat API."""
