# SPDX-License-Identifier: Apache-2.0
"""What policy rules may look at of the thing that is acted on.

:mod:`secretstore.policies.base` lists the attributes.
"""

from typing import Protocol

from secretstore.conductor.authorization import Target


class Owned(Protocol):
    """A row that belongs to a project."""

    @property
    def project_id(self) -> str: ...

    @property
    def creator_id(self) -> str | None: ...


class Shared(Owned, Protocol):
    """A row that may have an access list."""

    @property
    def acl_project_access(self) -> bool | None:
        """Whether the project may read; None without an access list."""


def secret_target(row: Shared, acl_user: bool = False) -> Target:
    """The target for rules about a secret.

    :param acl_user: whether the secret's access list names the caller
    """
    return _shared('secret', row, acl_user)


def container_target(row: Shared, acl_user: bool = False) -> Target:
    """The target for rules about a container.

    :param acl_user: whether the container's access list names the caller
    """
    return _shared('container', row, acl_user)


def order_target(row: Owned) -> Target:
    """The target for rules about an order."""
    return _owned('order', row)


def _owned(kind: str, row: Owned) -> dict[str, object]:
    return {
        f'target.{kind}.project_id': row.project_id,
        f'target.{kind}.creator_id': row.creator_id,
    }


def _shared(kind: str, row: Shared, acl_user: bool) -> Target:
    target = _owned(kind, row)
    # Without an access list the project may read.
    access = row.acl_project_access is not False
    target[f'target.{kind}.read_project_access'] = access
    if acl_user:
        target[f'target.{kind}.read'] = 'read'
    return target
