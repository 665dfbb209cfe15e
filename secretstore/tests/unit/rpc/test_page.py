# SPDX-License-Identifier: Apache-2.0
"""doc/source/user/rpc.rst says what is so."""

import pathlib
import re
import unittest

from secretstore.rpc.codec import METHODS
from secretstore.rpc.fate import CHOSEN_IDS, PUT, REPEATABLE
from secretstore.rpc.interface import version

PAGE = pathlib.Path(__file__).parents[4] / 'doc/source/user/rpc.rst'


class PageTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.text = PAGE.read_text()

    def test_what_is_repeated(self) -> None:
        """Each method is named, those that only read without a resource."""
        _, _, rest = self.text.partition('\n* what only reads')
        reads, _, rest = rest.partition('\n* ')
        again, _, rest = rest.partition('\nAll others are sent at most once')
        once, _, _ = rest.partition('\nVersions\n')
        functions = re.findall('``([a-z_]+)``', reads)
        self.assertEqual(
            REPEATABLE | CHOSEN_IDS.keys() | {PUT},
            {name for name in METHODS if name.split('.')[1] in functions}
            | _methods(again),
        )
        self.assertEqual(
            METHODS.keys() - REPEATABLE - CHOSEN_IDS.keys() - {PUT},
            _methods(once),
        )

    def test_the_versions(self) -> None:
        table = r'(?ms)^==== =+\n1\.0 .*?^==== =+\n'
        self.assertEqual(
            re.findall(table, version.__doc__ or ''),
            re.findall(table, self.text),
        )
        self.assertIn(
            f'The interface is at version {version.VERSION}.', self.text
        )


def _methods(text: str) -> set[str]:
    return set(re.findall(r'``([a-z_]+\.[a-z_]+)``', text))
