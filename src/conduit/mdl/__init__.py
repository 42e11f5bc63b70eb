"""MDL: structured output. A dataclass becomes what to ask a model for, and its answer a dataclass.

``Mdl.of(Files)`` has the words for a system prompt, the schema for a provider's strict mode, a
parser that mends what models really send and says what it mended, and a reader of answers that
arrive in pieces. All of it is pure but ``conduit.mdl.ask``, which waits for the model it is given.
"""

from conduit.mdl.finding import Finder, values
from conduit.mdl.lenient import Found
from conduit.mdl.partial import Partial, PartialList
from conduit.mdl.repair import Parsed, Repair
from conduit.mdl.streaming import PartialText
from conduit.mdl.structure import Mdl

__all__ = [
    "Finder",
    "Found",
    "Mdl",
    "Parsed",
    "Partial",
    "PartialList",
    "PartialText",
    "Repair",
    "values",
]
