# SPDX-License-Identifier: Apache-2.0
"""Small files that systemd hands to the service while it runs.

systemd decrypts what LoadCredentialEncrypted= names into a folder in memory
that only this service can read, and tells its path in CREDENTIALS_DIRECTORY.
"""

import os
import stat

from secretstore import errors
from secretstore.security import keyfiles

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Credentials:
    """Key files by name that are read, and never written.

    Of a file that others could read, or somebody else than root or the
    service could have written, ``MasterKeyUnavailable`` says what is wrong.

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
                _refuse_exposed(path, os.fstat(file))
                return os.read(file, keyfiles.MOST_BYTES)
            finally:
                os.close(file)


def _refuse_exposed(path: str, info: os.stat_result) -> None:
    user = os.geteuid()
    exposed = stat.S_IRWXO | stat.S_IRWXG
    if info.st_uid == 0 != user:
        # systemd lets the service read root's file by an access list, and
        # the mask of the list shows where the group's mode would be.
        exposed &= ~stat.S_IRGRP
    if not stat.S_ISREG(info.st_mode):
        raise errors.MasterKeyUnavailable(f'{path}: not a regular file')
    if info.st_uid not in (0, user):
        raise errors.MasterKeyUnavailable(
            f'{path}: belongs to user id {info.st_uid}, though systemd gives '
            f'credentials to root or to the service: this is not one'
        )
    if info.st_mode & exposed:
        raise errors.MasterKeyUnavailable(
            f'{path}: open to others (mode {stat.S_IMODE(info.st_mode):04o}): '
            f'use LoadCredential= or LoadCredentialEncrypted= of systemd'
        )
