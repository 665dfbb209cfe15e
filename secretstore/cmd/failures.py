# SPDX-License-Identifier: Apache-2.0
"""What a command can fail with, in one line for its operator.

Those of a database are in ``secretstore.cmd.database_failures``, for the
commands that have one.
"""

from collections.abc import Iterator
import contextlib

from oslo_config import cfg
from oslo_log import log

from secretstore import errors


@contextlib.contextmanager
def named() -> Iterator[None]:
    """Raise what the operator can put right as an error with a name."""
    try:
        yield
    except (cfg.Error, log.LogConfigError, OSError) as error:
        raise errors.StartupError(' '.join(str(error).split())) from error
