# SPDX-License-Identifier: Apache-2.0
"""Times in answers of the Workflow API."""

from datetime import datetime

from secretstore.api.keymanager import common


def time_text(time: datetime) -> str:
    """As RFC 3339 has it.

    Those of the Key Manager API lack the Z, as Barbican's do.
    """
    return f'{common.time_text(time)}Z'
