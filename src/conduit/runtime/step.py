"""A model as a step of a pipeline: a block from one dataclass to another."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Protocol, TypeVar, Unpack

from conduit.blocks import Block, Effects
from conduit.blocks.function import require_definition
from conduit.runtime.call import Generation, structure_of

I = TypeVar("I")  # noqa: E741 - the published name of a block's input type
O = TypeVar("O")  # noqa: E741 - and of its output type

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_LONGEST_NAME = 64


class Asks(Protocol):
    """What a step needs of the models it was made from."""

    async def acall(
        self,
        *,
        model_id: str,
        output: type[O],
        input: object,
        guidance: str,
        **options: Unpack[Generation],
    ) -> O:
        """Ask a model for an ``output``."""
        ...


class LMStep(Block[I, O]):
    """A block that asks a model; made by ``LMLiteBlock.step``.

    It is named after its types, ``lm.page_to_summary``, unless a name is given. It may be pickled.
    """

    effects = Effects.NETWORK

    def __init__(
        self,
        lm: Asks,
        model_id: str,
        input: type[I],
        output: type[O],
        guidance: str,
        name: str,
        options: Generation,
    ) -> None:
        self._lm = lm
        self._model_id, self._guidance, self._options = model_id, guidance, options
        self.input_type, self.output_type = input, output
        self.name = name or f"lm.{_snake(input)}_to_{_snake(output)}"[:_LONGEST_NAME].rstrip("_")
        self.permission = self.name
        self.version = _digest((model_id, guidance, sorted(options.items())))
        self.summary = f"Ask {model_id} to turn {_article(input)} into {_article(output)}"
        require_definition(self)
        structure_of(output)

    async def forward(self, data: I) -> O:
        """One call of the model."""
        return await self._lm.acall(
            model_id=self._model_id,
            input=data,
            output=self.output_type,
            guidance=self._guidance,
            **self._options,
        )


def _digest(asked: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)


def _snake(hint: Any) -> str:
    return "_".join(word.lower() for word in _WORD.findall(_name(hint))) or "value"


def _article(hint: Any) -> str:
    name = _name(hint)
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"
