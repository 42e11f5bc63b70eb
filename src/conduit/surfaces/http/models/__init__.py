"""The gateway over HTTP: the addresses that clients of OpenAI, Anthropic and Ollama know."""
