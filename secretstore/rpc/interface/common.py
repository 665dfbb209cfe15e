# SPDX-License-Identifier: Apache-2.0
"""Pages of lists, and the health of a conductor."""

from typing import Generic, NamedTuple, Protocol, TypedDict, TypeVar

T = TypeVar('T')


class PageQuery(TypedDict):
    """Which part of a list: *limit* entries after the first *offset*.

    *marker* is the id of the last entry of the page before, and takes the
    place of *offset* while that entry exists.
    """

    limit: int
    offset: int
    marker: str | None


class Page(NamedTuple, Generic[T]):
    """One page, and how many entries there are in all."""

    items: list[T]
    total: int


class Health(Protocol):
    """Whether the conductor can do its work."""

    def check(self) -> None:
        """Raise Unavailable, or a permanent error, that says what fails."""
