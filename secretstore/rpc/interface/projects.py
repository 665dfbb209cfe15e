# SPDX-License-Identifier: Apache-2.0
"""What is set per project: quotas and the preferred secret store."""

from datetime import datetime
from typing import NamedTuple, Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery


class QuotaLimits(TypedDict):
    """How many of each a project may have; -1: any number.

    None, in a project's own limits, leaves it to the configuration.
    """

    secrets: int | None
    orders: int | None
    containers: int | None
    consumers: int | None
    cas: int | None


class ProjectQuotas(NamedTuple):
    """The limits that one project has of its own."""

    project_id: str
    limits: QuotaLimits


class Quotas(Protocol):
    """How much a project may store."""

    def effective(self, context: RequestContext) -> QuotaLimits:
        """The limits that hold for the caller's project; none is None."""

    def page(
        self, context: RequestContext, query: PageQuery
    ) -> Page[ProjectQuotas]:
        """A page of the projects with limits of their own."""

    def get(self, context: RequestContext, project_id: str) -> QuotaLimits:
        """A project's own limits; NotFound when it has none."""

    def put(
        self, context: RequestContext, project_id: str, limits: QuotaLimits
    ) -> None:
        """Set those limits that are not None; the others stay."""

    def delete(self, context: RequestContext, project_id: str) -> None:
        """Leave a project to the configuration; NotFound if it is."""


class SecretStoreView(TypedDict):
    """A strategy that may guard secrets; times are naive UTC."""

    id: str
    name: str
    global_default: bool
    created: datetime
    updated: datetime


class SecretStores(Protocol):
    """The strategies that are enabled, and which one a project prefers.

    All methods raise NotFound unless several strategies are enabled.
    """

    def all(self, context: RequestContext) -> list[SecretStoreView]:
        """The enabled stores, the default first."""

    def get(self, context: RequestContext, store_id: str) -> SecretStoreView:
        """One store."""

    def get_default(self, context: RequestContext) -> SecretStoreView:
        """The store of projects that prefer none."""

    def get_preferred(self, context: RequestContext) -> SecretStoreView:
        """The store that the caller's project prefers; NotFound if none."""

    def prefer(self, context: RequestContext, store_id: str) -> None:
        """Have new keys of the caller's project guarded by this store."""

    def unprefer(self, context: RequestContext, store_id: str) -> None:
        """Prefer this store no longer; NotFound when it was not preferred."""
