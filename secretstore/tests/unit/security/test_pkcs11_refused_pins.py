# SPDX-License-Identifier: Apache-2.0
"""What processes tell each other of PINs that a token refused."""

from concurrent import futures
import os
import threading
import unittest

from secretstore import errors
from secretstore.security.pkcs11 import refused_pins
from secretstore.tests.unit.security import keydir

TOKEN, PIN = 'a token', '12345678'
NOBODY = 65534


class RefusedPinsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.state = keydir.temporary_directory(self)
        self.file = self.state / refused_pins.FOLDER / 'refused'

    def new(self) -> refused_pins.RefusedPins:
        """The memory as another process sees it."""
        return refused_pins.RefusedPins(str(self.state))

    def knows(self, pin: str = PIN, token: str = TOKEN) -> bool:
        with self.new().turn(5) as turn:
            assert turn is not None
            return turn.known(token, pin) is refused_pins.Known.REFUSED

    def remember(self, pin: str = PIN, token: str = TOKEN) -> None:
        with self.new().turn(5) as turn:
            assert turn is not None
            turn.remember(token, pin, refused_pins.Known.REFUSED)

    def test_what_was_not_answered(self) -> None:
        known = refused_pins.Known
        for seen in (known.NO_ANSWER, known.NO_ANSWER_TWICE, known.REFUSED):
            for _ in range(2):
                with self.new().turn(5) as turn:
                    assert turn is not None
                    turn.remember(TOKEN, PIN, seen)
                    self.assertIs(seen, turn.known(TOKEN, PIN))
            self.assertEqual(2, len(self.file.read_text().split()))
        self.forget()
        self.assertEqual(1, len(self.file.read_text().split()))

    def forget(self, pin: str = PIN) -> None:
        with self.new().turn(5) as turn:
            assert turn is not None
            turn.forget(TOKEN, pin)

    def test_nothing_is_kept_of_what_was_not_refused(self) -> None:
        self.assertFalse(self.knows())
        self.assertEqual([], os.listdir(self.file.parent))
        # But those who remember it of themselves are to see that.
        self.forget()
        (salt,) = self.file.read_text().split()
        self.assertEqual(64, len(salt))

    def test_each_is_for_one_token(self) -> None:
        self.remember()
        self.remember('87654321')
        self.assertTrue(self.knows())
        self.assertTrue(self.knows('87654321'))
        self.assertFalse(self.knows('1234567'))
        self.assertFalse(self.knows(token='another token'))
        self.forget()
        self.assertFalse(self.knows())
        self.assertTrue(self.knows('87654321'))

    def test_what_is_stored(self) -> None:
        self.remember()
        self.assertEqual(0o700, self.file.parent.stat().st_mode & 0o777)
        self.assertEqual(0o600, self.file.stat().st_mode & 0o777)
        self.assertEqual(['refused'], os.listdir(self.file.parent))
        content = self.file.read_text()
        self.assertNotIn(PIN, content)
        self.assertEqual([64, 64], list(map(len, content.split())))
        # Another salt, and nothing can be looked up in a table.
        self.file.unlink()
        self.remember()
        self.assertFalse(
            set(content.split()) & set(self.file.read_text().split())
        )

    def test_it_is_bounded(self) -> None:
        self.remember()
        line = f'{"ab" * 32}\n'
        with self.file.open('a') as file:
            file.write(31 * line)
        self.assertTrue(self.knows())
        self.remember('87654321')
        self.assertFalse(self.knows())
        self.assertTrue(self.knows('87654321'))

    def test_version(self) -> None:
        seen = [self.new().version]
        self.assertIsNone(seen[0])
        for change in (self.remember, self.forget, self.forget):
            change()
            seen.append(self.new().version)
            self.assertEqual(seen[-1], self.new().version)
        self.assertEqual(4, len(set(seen)))

    def test_rubbish(self) -> None:
        self.remember()
        for content in (b'', b'\xff', b'no digits\n', b'abc\n'):
            self.file.write_bytes(content)
            with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
                self.assertFalse(self.knows())
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
            self.remember()
        self.assertTrue(self.knows())

    def test_a_draft_that_a_crash_left(self) -> None:
        self.remember('87654321')
        self.file.with_name('refused.new').write_text('half')
        self.remember()
        self.assertTrue(self.knows())
        self.assertEqual(['refused'], os.listdir(self.file.parent))

    def test_one_at_a_time(self) -> None:
        mark = self.state / 'somebody'

        def use(_: int) -> None:
            with self.new().turn(30):
                # Fails when there is one.
                mark.mkdir()
                mark.rmdir()

        with futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(200, len(list(pool.map(use, range(200)))))

    def test_others_take_too_long(self) -> None:
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with self.new().turn(5):
                held.set()
                done.wait(30)

        with futures.ThreadPoolExecutor(1) as pool:
            holding = pool.submit(hold)
            self.assertTrue(held.wait(10))
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                with self.new().turn(0.1):
                    self.fail('two at a time')
            done.set()
            holding.result(10)
        self.assertIn('other processes', caught.exception.message)
        self.assertFalse(self.knows())

    def test_an_error_ends_the_turn(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.new().turn(5):
            raise ZeroDivisionError
        self.assertFalse(self.knows())

    def assert_no_folder(self, reason: str) -> None:
        memory = self.new()
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING') as logs:
            for _ in range(3):
                with memory.turn(5) as turn:
                    self.assertIsNone(turn)
        (line,) = logs.output
        self.assertIn(str(self.file.parent), line)
        self.assertIn(reason, line)
        self.assertIn('state_path', line)

    def test_no_state_path(self) -> None:
        self.state.joinpath('x').touch()
        for path in (self.state / 'none', self.state / 'x'):
            self.state, self.file = path, path / refused_pins.FOLDER / 'f'
            self.assert_no_folder('o')
            self.assertFalse(self.file.parent.exists())

    def test_a_link_is_not_followed(self) -> None:
        elsewhere = keydir.temporary_directory(self)
        self.file.parent.symlink_to(elsewhere)
        self.assert_no_folder('ot a directory')
        self.assertEqual([], os.listdir(elsewhere))

    @unittest.skipUnless(os.geteuid() == 0, 'only root can be somebody else')
    def test_of_another_user(self) -> None:
        self.remember()
        self.state.chmod(0o755)
        os.seteuid(NOBODY)
        try:
            self.assert_no_folder('Permission denied')
        finally:
            os.seteuid(0)

    @unittest.skipUnless(os.geteuid() == 0, 'only root gives files away')
    def test_root_leaves_it_to_the_service(self) -> None:
        os.chown(self.state, NOBODY, NOBODY)
        self.remember()
        for path in (self.file.parent, self.file):
            self.assertEqual(NOBODY, path.stat().st_uid)
            self.assertEqual(NOBODY, path.stat().st_gid)
        os.seteuid(NOBODY)
        try:
            self.assertTrue(self.knows())
            self.forget()
        finally:
            os.seteuid(0)
        self.assertFalse(self.knows())

    def test_one_that_may_not_be_written(self) -> None:
        self.file.parent.mkdir(0o500)
        if os.geteuid() == 0:
            # Permissions do not stop root: be somebody else for a moment.
            self.state.chmod(0o755)
            os.chown(self.file.parent, NOBODY, -1)
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)
        self.assert_no_folder('cannot be written')
