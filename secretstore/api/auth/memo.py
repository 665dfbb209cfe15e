# SPDX-License-Identifier: Apache-2.0
"""Remembering who a credential belongs to, for a short while.

Proving an identity costs far more than most requests: auth_token takes a
cached token apart again in 140 us, bcrypt needs tens of milliseconds by
design.  What was proven is remembered here per credential, as the identity
headers that the proof added.  Credentials themselves are kept only as
SHA-256.
"""

from collections.abc import Callable
import hashlib
import threading
import time
from typing import Any

MAX_IDENTITIES = 4096

_NAMES = (
    'DOMAIN_ID',
    'DOMAIN_NAME',
    'PROJECT_DOMAIN_ID',
    'PROJECT_DOMAIN_NAME',
    'PROJECT_ID',
    'PROJECT_NAME',
    'ROLES',
    'USER_DOMAIN_ID',
    'USER_DOMAIN_NAME',
    'USER_ID',
    'USER_NAME',
)
# What keystonemiddleware tells an application, also the names it gave up:
# oslo.context still reads some of them.
IDENTITY_HEADERS = (
    *[f'HTTP_X_{name}' for name in _NAMES],
    *[f'HTTP_X_SERVICE_{name}' for name in _NAMES],
    'HTTP_X_IDENTITY_STATUS',
    'HTTP_X_SERVICE_IDENTITY_STATUS',
    'HTTP_X_IS_ADMIN_PROJECT',
    'HTTP_X_SERVICE_CATALOG',
    'HTTP_OPENSTACK_SYSTEM_SCOPE',
    'HTTP_X_USER',
    'HTTP_X_TENANT',
    'HTTP_X_TENANT_ID',
    'HTTP_X_TENANT_NAME',
    'HTTP_X_ROLE',
)

Environ = dict[str, Any]


def digest(*credentials: str) -> bytes:
    """A key for :class:`IdentityMemo` that does not keep the credential."""
    text = '\0'.join(credentials)
    return hashlib.sha256(text.encode('utf-8', 'surrogateescape')).digest()


def remove_identity(environ: Environ) -> None:
    """Take out identity headers that the client itself has sent."""
    for name in IDENTITY_HEADERS:
        environ.pop(name, None)


class IdentityMemo:
    """Identity headers by credential; bounded, thread safe.

    :param seconds: how long an identity is remembered at most; 0: never
    """

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[bytes, tuple[float, Environ]] = {}

    def recall(self, key: bytes, environ: Environ) -> bool:
        """Put the remembered identity into *environ*; False if unknown."""
        entry = self._entries.get(key)
        if entry is None or self._clock() >= entry[0]:
            return False
        remove_identity(environ)
        environ.update(entry[1])
        return True

    def remember(
        self, key: bytes, environ: Environ, seconds: float | None = None
    ) -> None:
        """Remember the identity headers that *environ* now holds.

        :param seconds: the credential's own remaining life, when known
        """
        life = self._seconds
        if seconds is not None:
            life = min(life, seconds)
        if life <= 0:
            return
        identity = {
            name: environ[name]
            for name in IDENTITY_HEADERS
            if name in environ and name != 'HTTP_X_SERVICE_CATALOG'
        }
        with self._lock:
            if len(self._entries) >= MAX_IDENTITIES:
                self._make_room()
            self._entries[key] = (self._clock() + life, identity)

    def _make_room(self) -> None:
        now = self._clock()
        live = {k: v for k, v in self._entries.items() if v[0] > now}
        while len(live) >= MAX_IDENTITIES:
            del live[next(iter(live))]
        self._entries = live
