"""The offline agent: grooves, and questions about Conduit, without a language model."""

from conduit.agents.offline.provider import OfflineAgent

__all__ = ["OfflineAgent"]
