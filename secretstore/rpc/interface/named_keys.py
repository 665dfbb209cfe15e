# SPDX-License-Identifier: Apache-2.0
"""Keys that services ask for by name: of backups, of replication users."""

from datetime import datetime
from typing import Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery


class NamedKeyView(TypedDict):
    """A key as it is delivered; times are naive UTC.

    *key* is a pass phrase for openssl: printable, without white space.  What
    was generated has an algorithm, a mode and a bit length; a password that
    an operator chose has none.  *is_new* tells that this call made it.
    """

    object_id: str
    title: str
    key: str
    algorithm: str | None
    mode: str | None
    bit_length: int | None
    created: datetime
    is_new: bool


class NamedKeyEntry(TypedDict):
    """What a list tells of a key, which is not the key itself."""

    object_id: str
    title: str
    algorithm: str | None
    mode: str | None
    bit_length: int | None
    created: datetime


class BackupKeys(Protocol):
    """The encryption keys of the project's backups."""

    def get_or_create(
        self, context: RequestContext, backup_id: str, backup_name: str
    ) -> NamedKeyView:
        """The key of a backup, made when it has none; always the same one.

        Safe to repeat.  The name is kept when the key is made, and only then.
        """

    def page(
        self, context: RequestContext, query: PageQuery
    ) -> Page[NamedKeyEntry]:
        """Those that have a key, by backup id; the marker is such an id."""

    def get(self, context: RequestContext, backup_id: str) -> NamedKeyView:
        """The key of a backup; NotFound when it has none."""

    def delete(self, context: RequestContext, backup_id: str) -> None:
        """Remove the key for good; NotFound when there is none."""


class ReplicationUserKeys(Protocol):
    """The passwords with which the replicas of instances log in."""

    def get_or_create(
        self, context: RequestContext, instance_id: str
    ) -> NamedKeyView:
        """The key of an instance, made when it has none; always the same."""

    def page(
        self, context: RequestContext, query: PageQuery
    ) -> Page[NamedKeyEntry]:
        """Those that have a key, by instance id; the marker is such an id."""

    def get(self, context: RequestContext, instance_id: str) -> NamedKeyView:
        """The key of an instance; NotFound when it has none."""

    def delete(self, context: RequestContext, instance_id: str) -> None:
        """Remove the key for good; NotFound when there is none."""
