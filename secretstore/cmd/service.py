# SPDX-License-Identifier: Apache-2.0
"""From configuration files to a running service."""

from collections.abc import Sequence
import importlib
import logging
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, NoReturn

from oslo_config import cfg
from oslo_log import log

from secretstore import conf as options
from secretstore import errors, version
from secretstore.cmd import failures, observability

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

# By [api] conductor. Only the chosen one is imported: that of the split form
# has to run without all that can see a key or a row.
FORMS = {
    'embedded': 'secretstore.cmd.embedded',
    'rpc': 'secretstore.cmd.remote',
}

CONFIG_FILES_VARIABLE = 'SECRETSTORE_CONFIG_FILES'
# What uWSGI takes for "this application cannot be loaded", and then ends with
# all its workers; a worker that exits otherwise is started again, for ever.
CANNOT_LOAD = 22
TRY_AGAIN = 1
# oslo.db writes a traceback of what it raises, and we say that once more.
LOG_LEVELS = (
    'alembic=WARNING',
    'oslo_db.sqlalchemy.exc_filters=CRITICAL',
    'oslo_service.backend=WARNING',
)


def load_config(
    arguments: Sequence[str] = (), files: Sequence[Path] = ()
) -> cfg.ConfigOpts:
    """``cfg.CONF``, filled from files and *arguments*, with logging set up.

    keystonemiddleware and others read the global object, so this is it.

    :param files: read in place of those that the environment names or
        oslo.config finds
    """
    conf = cfg.CONF
    options.register_opts(conf)
    observability.register_opts(conf)
    log.register_options(conf)
    log.set_defaults(
        default_log_levels=[*log.get_default_log_levels(), *LOG_LEVELS]
    )
    conf(
        list(arguments),
        project='secretstore',
        version=version.version_string(),
        default_config_files=[str(path) for path in files] or named_files(),
    )
    log.setup(conf, 'secretstore')
    # What it tells when it is debugged holds entry points, and those hold
    # themselves: written as JSON they have no end.
    logging.getLogger('stevedore').setLevel(logging.INFO)
    return conf


def named_files() -> list[str] | None:
    """The configuration files that the environment names; None: none."""
    named = os.environ.get(CONFIG_FILES_VARIABLE, '').split(os.pathsep)
    return [name for name in named if name] or None


def fail(error: errors.SecretStoreError) -> NoReturn:
    """End the process with the one line that says why.

    A worker that starts while the database is away, or in the place of one
    that died, must not take along those that still serve.
    """
    print(f'secretstore: {error.message}', file=sys.stderr, flush=True)
    others_serve = isinstance(error, errors.Unavailable) or _is_replacement()
    sys.exit(TRY_AGAIN if others_serve else CANNOT_LOAD)


def _is_replacement() -> bool:
    """Whether uWSGI has started this worker before."""
    try:
        uwsgi = importlib.import_module('uwsgi')
    except ImportError:
        return False
    own = uwsgi.workers()[uwsgi.worker_id() - 1]
    return int(own['respawn_count']) > 1


def wsgi_application() -> 'WSGIApplication':
    """The API behind one WSGI callable, in the form that is configured."""
    try:
        with failures.named():
            conf = load_config()
            observability.start(conf, 'secretstore-api')
            form = importlib.import_module(FORMS[conf.api.conductor])
            built: WSGIApplication = form.application(conf)
            return built
    except errors.SecretStoreError as error:
        fail(error)
