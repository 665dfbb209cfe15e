# SPDX-License-Identifier: Apache-2.0
"""Transport keys: public keys that clients seal payloads to."""

from datetime import datetime
from typing import Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery


class TransportKeyView(TypedDict):
    """A public key; *suite* names what to seal with, times are naive UTC."""

    id: str
    suite: str
    public_key: str
    created: datetime


class TransportKeys(Protocol):
    """The service's public keys."""

    def page(
        self, context: RequestContext, query: PageQuery
    ) -> Page[TransportKeyView]:
        """A page of the keys that payloads may be sealed to."""

    def get(self, context: RequestContext, key_id: str) -> TransportKeyView:
        """One key."""
