"""gRPC: asking the agent, calling blocks, health and reflection."""
