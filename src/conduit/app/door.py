"""Who calls: the holder of a key, or, as long as there are no keys, whoever is at the machine."""

from __future__ import annotations

from conduit.app.keys import Keys
from conduit.app.tokens import TOKEN_PREFIX, Tokens
from conduit.contracts.call import Principal
from conduit.contracts.errors import Unauthenticated


class Door:
    """In front of the addresses that clients of models know. ``caller`` is whoever calls without a
    key, while nobody needs one."""

    def __init__(
        self,
        keys: Keys,
        caller: Principal,
        tokens: Tokens | None = None,
        *,
        always: bool = False,
    ) -> None:
        """``tokens`` stand for keys for a while; ``always``: a key is needed also when there is
        none any more."""
        self._keys = keys
        self._caller = caller
        self._tokens = tokens
        self._always = always

    def for_others(self) -> Door:
        """The same where other machines can reach it: nobody gets in without a key, ever."""
        return Door(self._keys, self._caller, self._tokens, always=True)

    def __call__(self, presented: str) -> Principal:
        """Who shows this. Raises ``Unauthenticated``."""
        holder = self._keys.find(presented)
        if holder is not None:
            return holder.principal
        if self._tokens is not None and presented.startswith(TOKEN_PREFIX):
            caller = None if self.required else self._caller
            shown = self._tokens.principal(presented, caller)
            if shown is not None:
                return shown
        if not self.required:
            return self._caller
        if not presented:
            said, hint = "a key is needed", "send Authorization: Bearer ck-…, or x-api-key"
        elif presented.startswith("ck-"):
            said, hint = "this key is not known, or not any more", "check it, or ask for a new one"
        else:
            said, hint = "this is not a key of this gateway", "its keys begin with ck-"
            if presented.startswith(TOKEN_PREFIX):
                said = "this is not a token of this installation"
                hint = "fetch one from POST /auth/token, with a key"
        raise Unauthenticated(said, where="key", hint=hint)

    def standing(self, person: Principal) -> Principal | None:
        """What somebody who called some time ago may do now; None when the key is gone. Who came
        with a token that holds less than its key stays with that."""
        if not person.key_id:
            return person
        holder = self._keys.standing(person.key_id)
        if holder is None or person.permissions == holder.principal.permissions:
            return holder.principal if holder else None
        scopes = self._tokens.scopes if self._tokens is not None else None
        if scopes is None:
            return None
        return scopes.narrowed(holder.principal, tuple(sorted(person.permissions)))

    @property
    def required(self) -> bool:
        """Whether everybody needs a key."""
        return self._always or self._keys.required
