# SPDX-License-Identifier: Apache-2.0
"""Whatever Tempest finds right in a real Barbican is right here as well."""

import re
import unittest

from secretstore.tests.functional import services
from secretstore.tests.tempest import record, runner

# Not yet: access lists and consumers of secrets.
SECRETS = (
    r'^barbican_tempest_plugin\.tests\.(api|rbac\.v1)\.'
    r'(test_secrets|test_secret_metadata|test_cve_2022_3100)\.'
    r'(?!.*_(acl|consumers?)\b)'
)


class TestTempest(unittest.TestCase):
    def _no_worse_than_barbican(self, pattern: str) -> None:
        wanted = [t for t in record.recorded() if re.search(pattern, t)]
        self.assertTrue(wanted, 'no such test was recorded')
        server = services.secretstore()
        found = runner.run(services.keystone(), server.url, pattern, jobs=2)
        lost = sorted(set(wanted) - set(found.passed))
        lines = [f'{found.outcome.get(t, "absent")}: {t}' for t in lost]
        lines += [f'failed: {t}' for t in found.failed if t not in lost]
        if lines:
            self.fail('\n'.join([*lines, found.log[-8000:]]))

    def test_secrets(self) -> None:
        self._no_worse_than_barbican(SECRETS)
