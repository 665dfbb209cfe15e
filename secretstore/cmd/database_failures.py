# SPDX-License-Identifier: Apache-2.0
"""What a command with a database can fail with, in one line."""

from collections.abc import Iterator
import contextlib

from oslo_db import exception as db_exc
from sqlalchemy import exc

from secretstore import errors
from secretstore.cmd import failures


@contextlib.contextmanager
def named() -> Iterator[None]:
    """Raise what the operator can put right as an error with a name.

    For commands only: the message repeats what the database said, which
    callers of the API have no business to read.
    """
    try:
        with failures.named():
            yield
    except errors.DatabaseUnavailable as error:
        if error.__cause__ is None:
            raise
        reason = _said(error.__cause__)
        raise errors.DatabaseUnavailable(
            f'{error.message} ({reason})'
        ) from error
    except (db_exc.DBError, exc.SQLAlchemyError) as error:
        raise errors.StartupError(
            f'The database cannot be used ({_said(error)})'
        ) from error


def _said(error: BaseException) -> str:
    """The first line of the driver's own words, without the statement."""
    inner = getattr(error, 'inner_exception', None)
    inner = inner or getattr(error, 'orig', None)
    if isinstance(inner, BaseException) and inner is not error:
        return _said(inner)
    # MariaDB's drivers put a number before the words.
    text = str(error.args[-1] if error.args else '').strip()
    return text.partition('\n')[0] or type(error).__name__
