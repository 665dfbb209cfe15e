# SPDX-License-Identifier: Apache-2.0
"""A security strategy whose custodian takes its time."""

import os
import time

from secretstore.security import proprietary

# Seconds of each call; a conductor's environment says how many.
VARIABLE = 'SECRETSTORE_TEST_SLOWNESS'


class SecurityWorkflow(proprietary.SecurityWorkflow):
    """Key files on a very slow disk."""

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        _wait()
        return super().wrap(reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        _wait()
        return super().unwrap(reference, wrapped, binding)


def _wait() -> None:
    time.sleep(float(os.environ.get(VARIABLE, '0')))
