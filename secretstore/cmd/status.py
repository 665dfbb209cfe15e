# SPDX-License-Identifier: Apache-2.0
"""``secretstore-status upgrade check``: is this site fit for the release?"""

import contextlib
import sys

from oslo_config import cfg
from oslo_upgradecheck import common_checks, upgradecheck

from secretstore import conf as options
from secretstore import errors
from secretstore.cmd import service
from secretstore.conductor import service as conductor
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.keys import kept


class Checks(upgradecheck.UpgradeCommands):
    """Each check is a line of the table that operators read."""

    def _check_schema(self) -> upgradecheck.Result:
        try:
            migration.check(Database.from_conf(cfg.CONF))
        except errors.SecretStoreError as error:
            return _failure(error)
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _check_master_keys(self) -> upgradecheck.Result:
        try:
            database = Database.from_conf(cfg.CONF)
            migration.check(database)
            with contextlib.ExitStack() as stack:
                keys = conductor.key_hierarchy(cfg.CONF, database)
                stack.callback(keys.stop)
                keys.verify()
        except errors.SecretStoreError as error:
            return _failure(error)
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _check_named_keys(self) -> upgradecheck.Result:
        try:
            database = Database.from_conf(cfg.CONF)
            migration.check(database)
            keys = conductor.key_hierarchy(cfg.CONF, database)
            missing = kept.not_enabled(database, keys.master_keys.enabled)
        except errors.SecretStoreError as error:
            return _failure(error)
        if missing:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, '. '.join(missing)
            )
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    _upgrade_checks = (
        ('Database schema', _check_schema),
        ('Master keys', _check_master_keys),
        ('Named keys', _check_named_keys),
        (
            'Policy file is YAML',
            (common_checks.check_policy_json, {'conf': cfg.CONF}),
        ),
    )


def _failure(error: errors.SecretStoreError) -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.FAILURE, error.message)


def main() -> int:
    """Exit status 0: all well; 1: warnings; 2: a check failed."""
    options.register_opts(cfg.CONF)
    return int(
        upgradecheck.main(
            cfg.CONF,
            project='secretstore',
            upgrade_command=Checks(),
            argv=sys.argv[1:],
            default_config_files=service.named_files(),
        )
    )


if __name__ == '__main__':
    sys.exit(main())
