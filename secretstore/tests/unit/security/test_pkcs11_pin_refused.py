# SPDX-License-Identifier: Apache-2.0
import hashlib
from unittest import mock

from secretstore import errors
from secretstore.security.pkcs11 import pin, refused_pins
from secretstore.tests.unit.security.test_pkcs11_pin import PIN, PinBase


class RefusedTest(PinBase):
    """What is presented to a token that takes none of them."""

    def setUp(self) -> None:
        super().setUp()
        self.presented: list[str] = []
        self.accepted = ''
        self.answers = True

    def present(self, source: pin.Pin, token: str = 'a token') -> str:
        """As a process does that needs a session; what it is told."""
        try:
            source.require_unrefused()
            with source.presented(token, 5) as given:
                self.presented.append(given)
                if not self.answers:
                    raise pin.Unanswered
                if given != self.accepted:
                    raise pin.PinRefused('PinIncorrect')
        except pin.Unanswered:
            return 'no answer'
        except errors.MasterKeyUnusable as exc:
            self.assertIn(str(self.file), exc.message)
            self.assertRegex(
                exc.message, 'the token (refused|did not answer when)'
            )
            self.assertNotIn(PIN, exc.message)
            return exc.message
        return 'works'

    def test_never_twice(self) -> None:
        source = pin.Pin(self.conf)
        self.assertIn('(PinIncorrect)', self.present(source))
        # Two more processes, or one that was started again.
        for other in (source, pin.Pin(self.conf), pin.Pin(self.conf)):
            for _ in range(2):
                message = self.present(other)
                self.assertIn('secretstore-manage hsm check', message)
        self.assertEqual([PIN], self.presented)

    def test_another_is_tried(self) -> None:
        first, second = pin.Pin(self.conf), pin.Pin(self.conf)
        self.present(first)
        self.accepted = '87654321'
        self.write(self.accepted)
        for source in (first, second):
            self.assertEqual('works', self.present(source))
        self.write(PIN)
        for source in (first, second):
            self.present(source)
        self.assertEqual([PIN, '87654321', '87654321'], self.presented)

    def test_another_token_is_another_matter(self) -> None:
        self.present(pin.Pin(self.conf))
        self.accepted = PIN
        self.assertEqual(
            'works', self.present(pin.Pin(self.conf), 'another token')
        )

    def test_another_token_is_looked_for_now_and_then(self) -> None:
        source = pin.Pin(self.conf)
        clock = [0.0]
        source._clock = lambda: clock[0]
        self.present(source)
        self.accepted = PIN
        for clock[0] in (9.0, 10.0, 19.0, 20.0):
            self.present(source)
        # It was the same each time.
        self.assertEqual([PIN], self.presented)
        for clock[0], said in ((29.0, 'the token refused'), (30.0, 'works')):
            self.assertIn(said, self.present(source, 'another token'))

    def test_not_answered_twice(self) -> None:
        self.answers = False
        for _ in range(2):
            self.assertEqual('no answer', self.present(pin.Pin(self.conf)))
        for source in 2 * [pin.Pin(self.conf)]:
            message = self.present(source)
            self.assertIn('did not answer when', message)
            self.assertIn('secretstore-manage hsm check', message)
        self.assertEqual([PIN, PIN], self.presented)
        self.accepted, self.answers = PIN, True
        command = pin.Pin(self.conf, again=True)
        self.assertEqual('works', self.present(command))
        self.assertEqual('works', self.present(source))

    def test_not_answered_twice_where_nothing_can_be_written(self) -> None:
        self.conf.set_override('state_path', str(self.folder / 'none'))
        self.answers = False
        source = pin.Pin(self.conf)
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
            for _ in range(4):
                said = self.present(source)
        self.assertIn('restart the service', said)
        self.assertEqual([PIN, PIN], self.presented)

    def test_an_answer_in_between(self) -> None:
        self.accepted = PIN
        for self.answers in (False, True, False, True):
            source = pin.Pin(self.conf)
            said = self.present(source)
            self.assertEqual('works' if self.answers else 'no answer', said)

    def test_one_that_was_accepted_is_never_doubted(self) -> None:
        """By the process that knows: an outage is not to need anybody."""
        self.accepted = PIN
        source = pin.Pin(self.conf)
        self.present(source)
        self.answers = False
        for _ in range(5):
            self.assertEqual('no answer', self.present(source))
        self.answers = True
        self.assertEqual('works', self.present(source))

    def test_what_others_met_is_nothing_to_who_knows(self) -> None:
        self.accepted = PIN
        service = pin.Pin(self.conf)
        self.present(service)
        self.answers = False
        for _ in range(2):
            self.present(pin.Pin(self.conf))
        self.assertEqual('no answer', self.present(service))
        self.answers = True
        self.assertIn('hsm check', self.present(pin.Pin(self.conf)))
        # It shows that the token takes it.
        self.assertEqual('works', self.present(service))
        self.assertEqual('works', self.present(pin.Pin(self.conf)))

    def test_one_that_was_accepted_and_is_refused(self) -> None:
        """Where nothing but this process remembers it."""
        self.conf.set_override('state_path', str(self.folder / 'none'))
        self.accepted = PIN
        source = pin.Pin(self.conf)
        clock = [0.0]
        source._clock = lambda: clock[0]
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
            self.present(source)
        self.accepted = ''
        for clock[0] in (1.0, 2.0, 20.0, 40.0):
            self.assertIn('the token refused', self.present(source))
        self.assertEqual([PIN, PIN], self.presented)

    def test_the_slow_digest_is_made_once(self) -> None:
        self.present(pin.Pin(self.conf))
        self.accepted = '87654321'
        self.write(self.accepted)
        source = pin.Pin(self.conf)
        with mock.patch.object(
            hashlib, 'pbkdf2_hmac', wraps=hashlib.pbkdf2_hmac
        ) as slow:
            for _ in range(3):
                self.assertEqual('works', self.present(source))
        self.assertEqual(1, slow.call_count)

    def test_the_operator_tries_again(self) -> None:
        service = pin.Pin(self.conf)
        self.present(service)
        command = pin.Pin(self.conf, again=True)
        self.present(command)
        self.present(command)
        self.present(service)
        self.assertEqual([PIN, PIN], self.presented)
        self.accepted = PIN
        command = pin.Pin(self.conf, again=True)
        self.assertEqual('works', self.present(command))
        self.assertEqual('works', self.present(service))
        self.assertEqual('works', self.present(pin.Pin(self.conf)))

    def test_other_failures_say_nothing_of_the_pin(self) -> None:
        source = pin.Pin(self.conf)
        with self.assertRaises(TimeoutError), source.presented('a token', 5):
            raise TimeoutError
        self.accepted = PIN
        self.assertEqual('works', self.present(source))

    def test_each_for_itself_where_nothing_can_be_written(self) -> None:
        missing = str(self.folder / 'none')
        self.conf.set_override('state_path', missing)
        source = pin.Pin(self.conf)
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING') as logs:
            for _ in range(3):
                self.assertIn('restart the service', self.present(source))
        self.assertEqual([PIN], self.presented)
        self.assertEqual(1, len(logs.output))
        self.assertIn(missing, logs.output[0])

    def test_the_shared_memory_goes_away(self) -> None:
        source = pin.Pin(self.conf)
        self.present(source)
        # What it has learnt is not forgotten with the folder.
        shared = self.folder / refused_pins.FOLDER
        shared.rename(self.folder / 'gone')
        shared.touch()
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
            self.present(source)
        # No session is opened for those who come later.
        with self.assertRaises(errors.MasterKeyUnusable):
            source.require_unrefused()
        shared.unlink()
        self.present(source)
        self.assertEqual([PIN], self.presented)

    def test_the_shared_memory_is_lost(self) -> None:
        """Which nobody does in order to have it forgotten."""
        source = pin.Pin(self.conf)
        file = self.folder / refused_pins.FOLDER / 'refused'
        self.present(source)
        with self.assertLogs(refused_pins.LOG.logger, 'WARNING'):
            for content in (b'', b'no digits'):
                file.write_bytes(content)
                self.assertIn('hsm check', self.present(source))
        file.unlink()
        self.assertIn('hsm check', self.present(source))
        self.assertEqual([PIN], self.presented)
        self.accepted = PIN
        self.present(pin.Pin(self.conf, again=True))
        self.assertEqual('works', self.present(source))
