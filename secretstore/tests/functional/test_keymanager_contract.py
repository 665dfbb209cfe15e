# SPDX-License-Identifier: Apache-2.0
"""The contract of the Key Manager API, as a real Barbican keeps it.

Each request in gabbits/*.yaml is one test, made twice: of secretstore and of
a real Barbican. The two files of differences are the exception: they hold
the same requests with what each of the two answers.
"""

import unittest

from secretstore.tests.functional import contract, services
from secretstore.tests.functional.services import shared
from secretstore.tests.tempest import setups

SERVERS: dict[str, contract.Server] = {
    'barbican': services.barbican,
    'secretstore': services.secretstore,
}
LEGACY: dict[str, contract.Server] = {
    'barbican': shared.Shared(setups.LEGACY.barbican),
    'secretstore': shared.Shared(setups.LEGACY.secretstore),
}

for _path in sorted(contract.GABBITS.glob('*.yaml')):
    for _server in SERVERS:
        _only = _path.stem.removeprefix('differences-')
        if _only in SERVERS and _only != _server:
            continue
        _servers = LEGACY if contract.is_legacy(_path) else SERVERS
        _class = contract.make_class(
            __name__, _server.title(), _path, _servers[_server]
        )
        globals()[_class.__name__] = _class
del _class


class TestDifferences(unittest.TestCase):
    def test_come_in_pairs(self) -> None:
        """Each difference says what both servers answer."""
        one, other = (
            contract.names(contract.GABBITS / f'differences-{server}.yaml')
            for server in SERVERS
        )
        self.assertEqual(one, other)
