# SPDX-License-Identifier: Apache-2.0
"""Of all processes of a host one presents a wrong PIN, and once."""

from concurrent import futures
import typing
import unittest

from secretstore.security.pkcs11 import refused_pins
from secretstore.tests.functional.services import (
    libraries,
    own,
    system,
    tokens,
    uwsgi,
)

WRONG, OTHER = '00000000', '11111111'
PROCESSES = 8


class TestProcesses(unittest.TestCase):
    """Commands; each logs in as a process of the service does."""

    def setUp(self) -> None:
        self.token = tokens.SoftHsm()
        self.token.use_in(self)
        self.logins = libraries.Logins(self.token)
        self.config = self.token.folder / 'secretstore.conf'
        self.timeouts: dict[str, object] = {}
        self.configure(state_path=self.token.folder)
        self.token.write_pin(WRONG)

    def configure(self, **options: object) -> None:
        group = {
            **self.token.options(),
            'library_path': self.logins.library,
            **self.timeouts,
        }
        uwsgi.write_options(self.config, {'DEFAULT': options, 'pkcs11': group})

    def hsm(self, action: str) -> str:
        """What is said, be it on standard output or an error."""
        said = self.hsm_once(action)
        if 'no token with the label' in said:
            # SoftHSM writes its file anew in a login, and reads half of it.
            said = self.hsm_once(action)
        return said

    def hsm_once(self, action: str) -> str:
        try:
            return own.manage(self.config, system.environment(), 'hsm', action)
        except system.Error as exc:
            return str(exc)

    def at_once(self) -> list[str]:
        with futures.ThreadPoolExecutor(PROCESSES) as pool:
            return list(pool.map(self.hsm, PROCESSES * ['list']))

    def assert_all(self, words: str, said: typing.Sequence[str]) -> None:
        for each in said:
            self.assertIn(words, each)
            self.assertNotIn(WRONG, each)

    def test_at_once(self) -> None:
        self.assert_all('refused this PIN', self.at_once())
        self.assertEqual(1, self.logins.taken())
        # All are started again.
        self.assert_all('refused this PIN', self.at_once())
        self.assertEqual(0, self.logins.taken())
        self.token.write_pin(self.token.pin)
        self.assert_all('no secret keys', self.at_once())
        self.assertEqual(PROCESSES, self.logins.taken())
        # One that was refused before another one was right.
        self.token.write_pin(WRONG)
        self.assert_all('hsm check', self.at_once())
        self.assertEqual(0, self.logins.taken())

    def test_the_operator_tries_again(self) -> None:
        self.hsm('list')
        self.token.change_pin(WRONG)
        self.assert_all('run secretstore-manage hsm check', self.at_once())
        self.assertEqual(1, self.logins.taken())
        self.assertIn('accepted', self.hsm('check'))
        self.assert_all('no secret keys', self.at_once())

    def test_the_operator_errs(self) -> None:
        self.assertIn('refused this PIN', self.hsm('check'))
        self.assertIn('refused this PIN', self.hsm('check'))
        self.assertEqual(2, self.logins.taken())
        self.assert_all('refused this PIN', self.at_once())
        self.assertEqual(0, self.logins.taken())

    def test_logins_that_are_not_answered(self) -> None:
        """They may have been counted, so there are two at the most."""
        self.token.write_pin(self.token.pin)
        self.logins.crash.touch()
        crashes = [said for said in self.at_once() if 'SIGABRT' in said]
        self.assertEqual(2, len(crashes))
        self.assertEqual(2, self.logins.taken())
        said = self.hsm('list')
        self.assertIn('did not answer when it was given this PIN', said)
        self.assertIn('run secretstore-manage hsm check', said)
        self.assertEqual(0, self.logins.taken())
        self.assertIn('died of SIGABRT', self.hsm('check'))
        self.assertEqual(1, self.logins.taken())
        self.logins.crash.unlink()
        self.assertIn('did not answer', self.hsm('list'))
        self.assertIn('accepted', self.hsm('check'))
        self.assert_all('no secret keys', self.at_once())

    def test_logins_that_hang(self) -> None:
        """For longer than anybody waits for a session."""
        self.timeouts = {'start_timeout': 2, 'wait_timeout': 1}
        self.configure(state_path=self.token.folder)
        self.logins.hang.touch()
        for _ in range(2):
            self.assertIn('did not open a session in 2 s', self.hsm('list'))
        self.assertIn('did not answer when', self.hsm('list'))
        self.assertEqual(2, self.logins.taken())

    def test_one_that_is_answered_again(self) -> None:
        self.token.write_pin(self.token.pin)
        for _ in range(3):
            self.logins.crash.touch()
            self.assertIn('died of SIGABRT', self.hsm('list'))
            self.logins.crash.unlink()
            self.assertIn('no secret keys', self.hsm('list'))

    def test_another_token_of_the_same_name(self) -> None:
        self.hsm('list')
        self.token.remove()
        self.token.pin = WRONG
        self.token.initialise()
        self.assertIn('no secret keys', self.hsm('list'))

    def test_not_to_be_read_from_the_folder(self) -> None:
        self.hsm('list')
        folder = self.token.folder / refused_pins.FOLDER
        (file,) = folder.iterdir()
        self.assertNotIn(WRONG, file.read_text())
        self.assertEqual(0o600, file.stat().st_mode & 0o777)

    def test_without_a_folder(self) -> None:
        self.configure(state_path=self.token.folder / 'none')
        self.assert_all('restart the service', self.at_once())
        self.assertEqual(PROCESSES, self.logins.taken())
        self.token.write_pin(self.token.pin)
        said = self.hsm('check')
        self.assertIn('accepted', said)
