# SPDX-License-Identifier: Apache-2.0
"""Transport keys: public keys that clients seal payloads to."""

from datetime import datetime
from typing import Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery

# How much longer a payload is when it is sealed: the encapsulated key before
# it and the tag behind.
SEALED_OVERHEAD = 1120 + 16


class NewTransportKey(TypedDict):
    """A public key whose private half somebody else has."""

    suite: str
    public_key: str


class TransportKeyView(NewTransportKey):
    """A public key; *suite* names what to seal with, times are naive UTC."""

    id: str
    created: datetime


class TransportKeyQuery(PageQuery):
    """Which keys to list; None asks for those of all suites."""

    suite: str | None


class TransportKeys(Protocol):
    """The service's public key, and those that admins registered."""

    def page(
        self, context: RequestContext, query: TransportKeyQuery
    ) -> Page[TransportKeyView]:
        """A page of the keys; the service's is made when there is none."""

    def get(self, context: RequestContext, key_id: str) -> TransportKeyView:
        """One key."""

    def create(self, context: RequestContext, key: NewTransportKey) -> str:
        """Register a key; returns its id.  The service opens nothing with it.

        InvalidInput for a suite of which the service has a key of its own.
        """

    def delete(self, context: RequestContext, key_id: str) -> None:
        """Remove a key: what is sealed to it opens no more.

        In place of the service's own there is a new one when needed.
        """
