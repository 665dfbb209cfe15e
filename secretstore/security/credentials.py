# SPDX-License-Identifier: Apache-2.0
"""Small files that systemd hands to the service while it runs.

systemd decrypts what LoadCredentialEncrypted= names into a folder in memory
that only this service can read, and tells its path in CREDENTIALS_DIRECTORY.
"""

import os
import stat

from secretstore import exposure
from secretstore.security import keyfiles

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Credentials:
    """Key files by name that are read, and never written.

    Of a file that others could read, or somebody else than root or the
    service could have written, ``MasterKeyUnusable`` says what is wrong.

    :param path: None when systemd handed over nothing
    """

    def __init__(self, path: str | None) -> None:
        self._path = path

    def path_of(self, name: str) -> str:
        """Where the file is, or would be, for messages."""
        return os.path.join(self._path or '$CREDENTIALS_DIRECTORY', name)

    def any(self, suffix: str) -> bool:
        """Whether there is a file with a name that ends so."""
        if self._path is None:
            return False
        with keyfiles.reported(self._path):
            return any(n.endswith(suffix) for n in os.listdir(self._path))

    def read(self, name: str) -> bytes | None:
        """The key; None when there is no credential of this name."""
        content = self.content(name)
        if content is None:
            return None
        return keyfiles.parsed(self.path_of(name), content)

    def content(self, name: str) -> bytes | None:
        """All of a small file; None when there is no such credential."""
        if self._path is None:
            return None
        path = self.path_of(name)
        with keyfiles.reported(path):
            try:
                file = os.open(path, _READ | os.O_NONBLOCK)
            except FileNotFoundError:
                return None
            try:
                info = os.fstat(file)
                keyfiles.refuse_exposed(path, info, _rule(info))
                return os.read(file, keyfiles.MOST_BYTES)
            finally:
                os.close(file)


def _rule(info: os.stat_result) -> exposure.Rule:
    user = os.geteuid()
    closed = exposure.GROUP_AND_OTHERS
    if info.st_uid == 0 != user:
        # systemd lets the service read root's file by an access list, and
        # the mask of the list shows where the group's mode would be.
        closed &= ~stat.S_IRGRP
    return exposure.Rule(
        closed,
        'use LoadCredential= or LoadCredentialEncrypted= of systemd',
        (0, user),
        'systemd gives credentials to root or to the service: this is not one',
    )
