# SPDX-License-Identifier: Apache-2.0
"""What several managers need."""

from datetime import UTC, datetime

from secretstore import errors
from secretstore.context import RequestContext


def utcnow() -> datetime:
    """The present time as the database keeps it: naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def project_of(context: RequestContext) -> str:
    """The caller's project; Forbidden when there is none."""
    if not context.project_id:
        raise errors.Forbidden('The token is not scoped to a project.')
    return context.project_id
