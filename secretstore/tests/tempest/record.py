# SPDX-License-Identifier: Apache-2.0
"""List the Tempest tests that pass on a real Barbican.

python -m secretstore.tests.tempest.record [SETUP ...]

starts MariaDB, memcached, Keystone and, for each set-up of setups.py, a
Barbican, runs the API and RBAC tests of barbican-tempest-plugin there and
writes those that pass to passes-on-barbican-SETUP.txt, against which
test_tempest.py holds secretstore.
"""

import sys

from secretstore.tests.functional import services
from secretstore.tests.tempest import runner, setups

_HEAD = """\
# The tests of barbican-tempest-plugin 4.6.0 that pass on Barbican 23.0.0 on
# MariaDB in the set-up of this name; written by
# python -m secretstore.tests.tempest.record
"""


def _record(setup: setups.Setup) -> None:
    with setup.barbican() as server:
        found = runner.run(services.keystone(), server.url, setup.tempest)
    for status in ('failed', 'skipped'):
        for test in found.named(status):
            print(f'{setup.name}: {status}: {test}')
    tests = [name for name in found.passed if not name.startswith('setUp')]
    setup.list_file.write_text(_HEAD + ''.join(f'{name}\n' for name in tests))
    print(
        f'{setup.name}: {len(tests)} tests pass in {found.seconds:.0f} s, '
        f'written to {setup.list_file}',
        flush=True,
    )


def main() -> None:
    for name in sys.argv[1:] or setups.SETUPS:
        _record(setups.SETUPS[name])


if __name__ == '__main__':
    main()
