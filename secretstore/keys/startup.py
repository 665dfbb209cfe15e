# SPDX-License-Identifier: Apache-2.0
"""Why a conductor does not start: one line for the operator each."""

from secretstore import errors
from secretstore.db.keys import MasterKeyRow


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
