# SPDX-License-Identifier: Apache-2.0
"""Containers and their consumers."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery


class ContainerSecret(NamedTuple):
    """A secret in a container, and the name it has there."""

    secret_id: str
    name: str | None


class NewContainer(TypedDict):
    """A container to be made; *type* is generic, rsa or certificate.

    None of *secrets* is there twice.
    """

    name: str | None
    type: str
    secrets: Sequence[ContainerSecret]


class NewContainerConsumer(TypedDict):
    """Somebody who uses a container."""

    name: str
    url: str


class ContainerConsumerView(NewContainerConsumer):
    """A consumer of a container as it is stored; times are naive UTC."""

    id: str
    created: datetime
    updated: datetime


class ContainerView(TypedDict):
    """A container with all that is in it; times are naive UTC."""

    id: str
    name: str | None
    type: str
    creator_id: str | None
    secrets: list[ContainerSecret]
    consumers: list[ContainerConsumerView]
    created: datetime
    updated: datetime


class ContainerQuery(PageQuery):
    """Which containers to list; None asks for nothing."""

    name: str | None
    type: str | None


class Containers(Protocol):
    """Named sets of secrets."""

    def create(
        self,
        context: RequestContext,
        container: NewContainer,
        container_id: str | None = None,
    ) -> str:
        """Make a container in the caller's project; returns its id.

        NotFound when a secret does not exist in that project.

        :param container_id: a random UUID to be its id, so that asking again
            makes no second one; Conflict when something else has it
        """

    def require_create(self, context: RequestContext) -> None:
        """Raise Forbidden when the caller may not create any."""

    def get(self, context: RequestContext, container_id: str) -> ContainerView:
        """A container with its members and consumers."""

    def page(
        self, context: RequestContext, query: ContainerQuery
    ) -> Page[ContainerView]:
        """A page of the containers of the caller's project."""

    def delete(self, context: RequestContext, container_id: str) -> None:
        """Remove a container for good; its secrets stay."""

    def add_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        """Add a secret to a generic container.

        Conflict when it is there under this name, NotFound when it does not
        exist, InvalidInput for a container of another type.
        """

    def remove_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        """Take a secret out of a container; the secret stays.

        NotFound when it is not there under this name.
        """


class ContainerConsumers(Protocol):
    """Who uses a container."""

    def add(
        self,
        context: RequestContext,
        container_id: str,
        consumer: NewContainerConsumer,
    ) -> ContainerView:
        """Add a consumer, once; the container with its consumers."""

    def remove(
        self,
        context: RequestContext,
        container_id: str,
        consumer: NewContainerConsumer,
    ) -> ContainerView:
        """Remove a consumer; the container with those that remain."""

    def get(
        self, context: RequestContext, container_id: str, consumer_id: str
    ) -> ContainerConsumerView:
        """One consumer by its id."""

    def page(
        self, context: RequestContext, container_id: str, query: PageQuery
    ) -> Page[ContainerConsumerView]:
        """A page of the container's consumers."""
