# SPDX-License-Identifier: Apache-2.0
"""Starts strategies; why a conductor does not start, one line each."""

from collections.abc import Callable, Iterable, Mapping

from oslo_log import log as logging

from secretstore import errors
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.moving import Away
from secretstore.security.workflow import BaseSecurityWorkflow

LOG = logging.getLogger(__name__)


def start_all(
    strategies: Mapping[str, BaseSecurityWorkflow],
    *,
    check: bool = False,
    away: Away | None = None,
) -> None:
    """Start them, and check them if asked to; StartupError.

    :param away: takes note of those that are away in place of the error
    """
    noted = Away() if away is None else away
    for name, strategy in strategies.items():
        try:
            with noted.asking(name):
                strategy.start()
                if check:
                    strategy.check()
        except errors.MasterKeyUnavailable as exc:
            if away is None:
                raise refusal(f'Security strategy {name}', exc) from exc
        except errors.SecretStoreError as exc:
            raise refusal(f'Security strategy {name}', exc) from exc


def verify_all(
    keys: Iterable[MasterKeyRow],
    verify: Callable[[MasterKeyRow], None],
    away: Away | None,
) -> None:
    """Verify those that are not retired; StartupError.

    :param away: as for ``start_all``; whom it has is not asked
    """
    noted = Away() if away is None else away
    for row in keys:
        if row.retired_at is not None:
            continue
        try:
            with noted.asking(row.strategy):
                verify(row)
        except errors.MasterKeyUnavailable as exc:
            if away is None:
                raise of_key(row, exc) from exc
        except errors.SecretStoreError as exc:
            raise of_key(row, exc) from exc


def warn_of_migrated(default: str, configured: str) -> None:
    """Say that the option is not what keys were migrated to."""
    LOG.warning(
        'The master keys were migrated to security strategy %s, which guards '
        'new keys although security_strategy is %s: set security_strategy = '
        '%s',
        default,
        configured,
        default,
    )


def refusal(about: str, exc: errors.SecretStoreError) -> errors.StartupError:
    return errors.StartupError(f'{about}: {_line(exc)}')


def of_key(
    row: MasterKeyRow, exc: errors.SecretStoreError
) -> errors.StartupError:
    """A key that is not retired cannot be used, or is another one."""
    about = (
        f'Master key {row.id} (strategy {row.strategy}, reference '
        f'{row.reference})'
    )
    if isinstance(exc, errors.Corrupt):
        return errors.StartupError(
            f'{about} is not the key that this database was written with: '
            f'restore the right one. {_line(exc)}'
        )
    return refusal(about, exc)


def not_enabled_default(strategy: str) -> errors.StartupError:
    return errors.StartupError(
        f'The master keys were migrated to security strategy {strategy}, '
        f'which is not enabled: set security_strategy = {strategy}'
    )


def not_enabled_preferred(strategy: str) -> errors.StartupError:
    return errors.StartupError(
        f'Projects prefer the secret store of security strategy {strategy}, '
        f'which is not enabled: add it to enabled_security_strategies'
    )


def _line(exc: errors.SecretStoreError) -> str:
    return ' '.join(exc.message.split())
