# SPDX-License-Identifier: Apache-2.0
"""List the Tempest tests that pass on a real Barbican.

python -m secretstore.tests.tempest.record [PATTERN]

starts MariaDB, memcached, Keystone and Barbican, runs the API and RBAC tests
of barbican-tempest-plugin there and writes those that pass to
passes-on-barbican.txt, against which test_tempest.py holds secretstore.
"""

import pathlib
import sys

from secretstore.tests.functional import services
from secretstore.tests.tempest import runner

EVERYTHING = r'^barbican_tempest_plugin\.tests\.(api|rbac)\.'
_LIST = pathlib.Path(__file__).with_name('passes-on-barbican.txt')
_HEAD = """\
# The tests of barbican-tempest-plugin 4.6.0 that pass on Barbican 23.0.0 with
# its secure RBAC policies, on MariaDB; written by
# python -m secretstore.tests.tempest.record
"""


def recorded() -> list[str]:
    """The names of the tests that passed on a real Barbican."""
    lines = _LIST.read_text().splitlines()
    return [line for line in lines if not line.startswith('#')]


def main() -> None:
    pattern = sys.argv[1] if len(sys.argv) > 1 else EVERYTHING
    found = runner.run(
        services.keystone(), services.barbican().url, pattern, jobs=2
    )
    for status in ('failed', 'skipped'):
        for test in found.named(status):
            print(f'{status}: {test}')
    tests = [name for name in found.passed if not name.startswith('setUp')]
    _LIST.write_text(_HEAD + ''.join(f'{name}\n' for name in tests))
    print(f'{len(tests)} tests pass, written to {_LIST}')


if __name__ == '__main__':
    main()
