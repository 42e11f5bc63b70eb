"""Protocols that clients speak to us: OpenAI's two, Anthropic's, Ollama's."""
