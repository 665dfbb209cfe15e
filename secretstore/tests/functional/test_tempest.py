# SPDX-License-Identifier: Apache-2.0
"""Whatever Tempest finds right in a real Barbican is right here as well."""

import unittest

from secretstore.tests.functional import services
from secretstore.tests.tempest import runner, setups


class TestTempest(unittest.TestCase):
    def _no_worse_than_barbican(self, setup: setups.Setup) -> None:
        with setup.secretstore() as server:
            found = runner.run(services.keystone(), server.url, setup.tempest)
        lost = sorted(set(setup.recorded()) - set(found.passed))
        lines = [f'{found.outcome.get(t, "absent")}: {t}' for t in lost]
        lines += [f'failed: {t}' for t in found.failed if t not in lost]
        if lines:
            self.fail('\n'.join([*lines, found.log[-8000:]]))

    def test_secure_rbac(self) -> None:
        self._no_worse_than_barbican(setups.SECURE_RBAC)

    def test_legacy_policies(self) -> None:
        self._no_worse_than_barbican(setups.LEGACY)

    def test_several_secret_stores(self) -> None:
        self._no_worse_than_barbican(setups.STORES)
