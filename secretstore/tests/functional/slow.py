# SPDX-License-Identifier: Apache-2.0
"""A security strategy whose custodian takes its time."""

import os
import pathlib
import time

from secretstore.security import proprietary

# In a conductor's environment, a file with the seconds that each call takes.
VARIABLE = 'SECRETSTORE_TEST_SLOWNESS'
# What security_strategy has to be.
STRATEGY = f'{__name__}.SecurityWorkflow'


class SecurityWorkflow(proprietary.SecurityWorkflow):
    """Key files on a very slow disk."""

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        _wait()
        return super().wrap(reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        _wait()
        return super().unwrap(reference, wrapped, binding)


class Slowness:
    """How slow conductors are that start from now on; not at all at first."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._file = folder / 'slowness'
        self.set(0)
        os.environ[VARIABLE] = str(self._file)

    def set(self, seconds: float) -> None:
        """Have each call that begins from now on take so long."""
        new = self._file.with_suffix('.new')
        new.write_text(str(seconds))
        new.rename(self._file)

    def forget(self) -> None:
        """Have no conductor know that starts from now on."""
        os.environ.pop(VARIABLE)


def _wait() -> None:
    time.sleep(float(pathlib.Path(os.environ[VARIABLE]).read_text()))
