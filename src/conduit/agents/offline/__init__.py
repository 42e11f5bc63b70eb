"""The offline agent: understands requests for grooves and questions about Conduit, without a model."""

from conduit.agents.offline.model import OfflineAgent

__all__ = ["OfflineAgent"]
