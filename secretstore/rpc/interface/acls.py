# SPDX-License-Identifier: Apache-2.0
"""Access control lists of secrets and of containers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypedDict

from secretstore.context import RequestContext


class NewAcl(TypedDict):
    """Who may read beside or in place of the project.

    None leaves a half as it is, or at its default in a new ACL: no users,
    and access for the project.  No user is named twice.
    """

    users: Sequence[str] | None
    project_access: bool | None


class AclView(TypedDict):
    """An ACL as it is stored; times are naive UTC."""

    users: list[str]
    project_access: bool
    created: datetime
    updated: datetime


class Acls(Protocol):
    """The ACLs of secrets, or those of containers."""

    def get(self, context: RequestContext, object_id: str) -> AclView | None:
        """The object's ACL; None when it has none."""

    def replace(
        self, context: RequestContext, object_id: str, acl: NewAcl
    ) -> None:
        """Put this ACL in place of the one there is, if any.

        With neither half given there is none afterwards.
        """

    def update(
        self, context: RequestContext, object_id: str, acl: NewAcl
    ) -> None:
        """Change the halves that are given; make the ACL if there is none.

        With neither half given nothing changes.
        """

    def delete(self, context: RequestContext, object_id: str) -> None:
        """Remove the ACL; nothing happens when there is none."""
