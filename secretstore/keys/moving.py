# SPDX-License-Identifier: Apache-2.0
"""What all have in common who move keys, or what is sealed under them."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from typing import NamedTuple, TypeVar

from oslo_db import exception as db_exc

from secretstore import errors

T = TypeVar('T')


class Batch(NamedTuple):
    """How many were moved, and whether there may be more to do.

    failed counts what never can be moved as it is.  At the end of a pass,
    away is why the rest of it was not moved.
    """

    moved: int
    more: bool
    failed: int = 0
    away: errors.MasterKeyUnavailable | None = None


class Away:
    """Who was away in this pass: nobody of them is asked twice.

    That may take long, and what others guard is moved meanwhile.
    """

    def __init__(self) -> None:
        self._errors: dict[str, errors.MasterKeyUnavailable] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._errors)

    @property
    def first(self) -> errors.MasterKeyUnavailable | None:
        return next(iter(self._errors.values()), None)

    @contextlib.contextmanager
    def asking(self, name: str) -> Iterator[None]:
        """Around a call of a custodian; raises at once when it was away."""
        known = self._errors.get(name)
        if known is not None:
            raise errors.MasterKeyUnavailable(known.message)
        try:
            yield
        except errors.MasterKeyUnavailable as error:
            self._errors[name] = error
            raise


def apply_each(
    apply: Callable[[Sequence[T]], int],
    moves: Sequence[T],
    leave: Callable[[T, str], None],
) -> int:
    """Write all in one transaction, or each in one of its own.

    The latter when the database refuses the former: one that is refused
    keeps no other from it.  Returns what *apply* does, how many were moved;
    *leave* is told which was refused, and why.
    """
    if not moves:
        return 0
    try:
        return apply(moves)
    except (db_exc.DBError, errors.Corrupt):
        return sum(_apply_one(apply, each, leave) for each in moves)


def _apply_one(
    apply: Callable[[Sequence[T]], int],
    move: T,
    leave: Callable[[T, str], None],
) -> int:
    try:
        return apply([move])
    except errors.Corrupt as error:
        leave(move, error.message)
    except db_exc.DBError as error:
        # Its text has what was to be written.
        leave(move, f'The database refuses it ({type(error).__name__})')
    return 0
