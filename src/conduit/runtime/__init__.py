"""Language models as blocks: text or a dataclass from whichever server has the model."""

from conduit.runtime.endpoint import EndpointHealth
from conduit.runtime.lm_lite import LMHealth, LMLiteBlock
from conduit.runtime.step import LMStep

__all__ = ["EndpointHealth", "LMHealth", "LMLiteBlock", "LMStep"]
