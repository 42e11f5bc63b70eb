"""gRPC: asking the agent, health and reflection."""
