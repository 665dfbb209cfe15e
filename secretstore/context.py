# SPDX-License-Identifier: Apache-2.0
"""Who asks: the identity that a request carries through the service."""

from typing import Any

from oslo_context import context

# What a policy rule may look at.  Two requests that agree in these get the
# same answer for the same target.
_POLICY_ATTRIBUTES = (
    'user_id',
    'project_id',
    'user_domain_id',
    'project_domain_id',
    'domain_id',
    'system_scope',
    'is_admin_project',
    'service_user_id',
    'service_project_id',
    'service_user_domain_id',
    'service_project_domain_id',
)


def forget() -> None:
    """Have the log lines of this thread name nobody from now on."""
    # The library has a way to set it only.
    vars(context._request_store).pop('context', None)


class RequestContext(context.RequestContext):
    """The caller's identity, roles and request id."""

    def policy_key(self) -> tuple[Any, ...]:
        """A hashable stand-in for all that policy rules can see of it."""
        return (
            tuple(self.roles),
            tuple(self.service_roles),
            *[getattr(self, name) for name in _POLICY_ATTRIBUTES],
        )
