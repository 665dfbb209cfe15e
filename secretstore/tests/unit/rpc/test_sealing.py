# SPDX-License-Identifier: Apache-2.0
import hashlib
import hmac
import os
import unittest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from secretstore.rpc import sealing
from secretstore.rpc.refusals import Cause, Refused
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.rpc.base import KEY

OTHER_KEY = os.urandom(32)
WINDOW = 60


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.passed = 0.0

    def tick(self) -> None:
        self.now += 1
        self.passed += 1

    def elapsed(self) -> float:
        return self.passed

    def __call__(self) -> float:
        return self.now


class SealingTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()

    def made(self, *keys: bytes, at_most: int = 1000) -> Sealing:
        return Sealing(
            keys or (KEY,), WINDOW, at_most, self.clock, self.clock.elapsed
        )

    def assert_refused(self, cause: Cause, call: object, *args: object) -> str:
        with self.assertRaises(Refused) as caught:
            call(*args)  # type: ignore[operator]
        self.assertIs(cause, caught.exception.cause)
        return str(caught.exception)

    def test_there_and_back(self) -> None:
        caller, conductor = self.made(), self.made()
        for plain in (b'', b'{"a": 1}', os.urandom(30000)):
            sealed, sent = caller.seal_request('m', f'{len(plain)}', plain)
            opened = conductor.open_request('m', f'{len(plain)}', sealed)
            self.assertEqual(plain, opened.plain)
            answer = conductor.seal_answer(
                'm', f'{len(plain)}', opened, plain[::-1]
            )
            self.assertEqual(
                plain[::-1],
                caller.open_answer('m', f'{len(plain)}', sent, answer),
            )

    @given(st.data())
    def test_any_flipped_bit_is_refused(self, data: st.DataObject) -> None:
        caller, conductor = self.made(), self.made()
        request, sent = caller.seal_request('m', 'id', b'a request')
        opened = self.made().open_request('m', 'id', request)
        answer = conductor.seal_answer('m', 'id', opened, b'an answer')
        for sealed, open_it in (
            (request, lambda it: conductor.open_request('m', 'id', it)),
            (answer, lambda it: caller.open_answer('m', 'id', sent, it)),
        ):
            bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(Refused):
                open_it(bytes(changed))
            size = data.draw(st.integers(0, len(sealed) - 1))
            with self.assertRaises(Refused):
                open_it(sealed[:size])
            # What was not touched is still fine.
            open_it(sealed)

    def test_a_request_is_for_its_method_and_its_id(self) -> None:
        caller, conductor = self.made(), self.made()
        sealed, _ = caller.seal_request('secrets.get', 'id', b'x')
        for method, request_id in (
            ('secrets.delete', 'id'),
            ('secrets.get', 'ie'),
            ('secrets.geti', 'd'),
            ('secrets.ge', 'tid'),
        ):
            self.assert_refused(
                Cause.CHANGED,
                conductor.open_request,
                method,
                request_id,
                sealed,
            )

    def test_an_answer_is_for_its_request(self) -> None:
        caller, conductor = self.made(), self.made()
        first, sent = caller.seal_request('m', 'id', b'x')
        opened = conductor.open_request('m', 'id', first)
        answer = conductor.seal_answer('m', 'id', opened, b'y')
        for method, request_id, when in (
            ('n', 'id', sent),
            ('m', 'other', sent),
            ('m', 'id', sent + 1),
        ):
            self.assert_refused(
                Cause.CHANGED,
                caller.open_answer,
                method,
                request_id,
                when,
                answer,
            )
        # Neither is a request an answer, nor the other way round.
        self.assert_refused(
            Cause.CHANGED, caller.open_answer, 'm', 'id', sent, first
        )
        self.assert_refused(
            Cause.CHANGED, self.made().open_request, 'm', 'id', answer
        )

    def test_twice_is_refused_until_it_is_too_old_anyway(self) -> None:
        caller, conductor = self.made(), self.made()
        sealed, _ = caller.seal_request('m', 'id', b'x')
        conductor.open_request('m', 'id', sealed)
        for _ in range(WINDOW + 1):
            self.assert_refused(
                Cause.REPLAY, conductor.open_request, 'm', 'id', sealed
            )
            self.clock.now += 1
        self.assert_refused(
            Cause.CLOCK, conductor.open_request, 'm', 'id', sealed
        )

    def test_clocks_may_differ_by_the_window(self) -> None:
        for late in (-WINDOW - 1, -WINDOW, 0, WINDOW, WINDOW + 1):
            caller, conductor = self.made(), self.made()
            sealed, _ = caller.seal_request('m', 'id', b'x')
            self.clock.now += late
            if abs(late) <= WINDOW:
                conductor.open_request('m', 'id', sealed)
                continue
            words = self.assert_refused(
                Cause.CLOCK, conductor.open_request, 'm', 'id', sealed
            )
            self.assertIn(f'{late} s before', words)
            self.assertIn('synchronise the clocks', words)

    def test_a_clock_that_is_set_back_opens_nothing_twice(self) -> None:
        caller, conductor = self.made(), self.made()
        sealed, _ = caller.seal_request('m', '1', b'x')
        conductor.open_request('m', '1', sealed)
        self.clock.now += 10 * WINDOW
        later, _ = caller.seal_request('m', '2', b'x')
        conductor.open_request('m', '2', later)
        self.clock.now -= 10 * WINDOW
        words = self.assert_refused(
            Cause.CLOCK_SET_BACK, conductor.open_request, 'm', '1', sealed
        )
        self.assertIn('set back', words)

    def test_a_clock_that_is_set_back_is_got_over(self) -> None:
        caller, conductor = self.made(), self.made()
        self.clock.now += 1000 * WINDOW
        ahead, _ = caller.seal_request('m', '1', b'x')
        conductor.open_request('m', '1', ahead)
        self.clock.now -= 1000 * WINDOW
        refused = 0
        for number in range(5 * WINDOW):
            self.clock.tick()
            sealed, _ = caller.seal_request('m', f'n{number}', b'x')
            try:
                conductor.open_request('m', f'n{number}', sealed)
            except Refused as error:
                self.assertIs(Cause.CLOCK_SET_BACK, error.cause)
                refused += 1
        self.assertGreater(refused, WINDOW)
        self.assertLess(refused, 3 * WINDOW)
        # What was remembered still is.
        self.clock.now += 1000 * WINDOW - 5 * WINDOW
        self.assert_refused(
            Cause.REPLAY, conductor.open_request, 'm', '1', ahead
        )

    def test_keys_of_others(self) -> None:
        caller, conductor = self.made(OTHER_KEY), self.made(KEY)
        sealed, _ = caller.seal_request('m', 'id', b'x')
        words = self.assert_refused(
            Cause.WRONG_KEY, conductor.open_request, 'm', 'id', sealed
        )
        self.assertIn(sealing.key_id(OTHER_KEY).hex(), words)
        self.assertIn('seal_key_file', words)
        self.assertNotIn(OTHER_KEY.hex(), words)

    def test_rotation_conductors_first(self) -> None:
        old, both, new = self.made(KEY), (OTHER_KEY, KEY), OTHER_KEY
        conductor = self.made(*both)
        for number, caller in enumerate((old, self.made(*both))):
            sealed, sent = caller.seal_request('m', str(number), b'x')
            opened = conductor.open_request('m', str(number), sealed)
            answer = conductor.seal_answer('m', str(number), opened, b'y')
            self.assertEqual(
                b'y', caller.open_answer('m', str(number), sent, answer)
            )
        sealed, _ = self.made(*both).seal_request('m', 'id', b'x')
        self.assertEqual(
            b'x', self.made(new).open_request('m', 'id', sealed).plain
        )

    def test_what_is_no_seal(self) -> None:
        for nothing in (b'', b'\x01', b'{}' * 50, b'\x02' + bytes(100)):
            self.assert_refused(
                Cause.UNSEALED, self.made().open_request, 'm', 'i', nothing
            )

    def test_full_forgets_nothing(self) -> None:
        caller, conductor = self.made(), self.made(at_most=3)
        requests = [
            caller.seal_request('m', str(number), b'x')[0]
            for number in range(4)
        ]
        for number, sealed in enumerate(requests[:3]):
            conductor.open_request('m', str(number), sealed)
        for _ in range(2):
            self.assert_refused(
                Cause.FULL, conductor.open_request, 'm', '3', requests[3]
            )
        self.assert_refused(
            Cause.REPLAY, conductor.open_request, 'm', '0', requests[0]
        )
        self.clock.now += 1.2 * WINDOW
        sealed, _ = caller.seal_request('m', '3', b'x')
        conductor.open_request('m', '3', sealed)

    def test_equal_messages_look_different(self) -> None:
        caller = self.made()
        seen = {caller.seal_request('m', 'id', b'x')[0] for _ in range(100)}
        self.assertEqual(100, len(seen))
        # A process draws a salt of its own.
        salts = {
            self.made().seal_request('m', 'i', b'')[0][17:33] for _ in '12'
        }
        self.assertEqual(2, len(salts))


class FormatTest(unittest.TestCase):
    """The documented form, built without the code under test."""

    def test_both_directions(self) -> None:
        def pack(*texts: str) -> bytes:
            return b''.join(
                len(text).to_bytes(4, 'big') + text.encode() for text in texts
            )

        label, salt, sent = (
            'secretstore rpc 1',
            bytes(range(16)),
            1800000000000,
        )
        name = hashlib.sha256(pack(label, 'key id') + KEY).digest()[:8]
        header = b'\x01' + name + sent.to_bytes(8, 'big') + salt
        cipher = AESGCM(
            hmac.digest(KEY, pack(label, 'message key') + salt, 'sha256')
        )
        bound = pack(label, 'request', 'secrets.get') + b'an id' + header
        nonce = bytes(12)
        sealed = header + nonce + cipher.encrypt(nonce, b'{}', bound)
        conductor = Sealing([KEY], WINDOW, 1000, Clock())
        opened = conductor.open_request('secrets.get', 'an id', sealed)
        self.assertEqual((b'{}', name, sent), opened)

        answer = conductor.seal_answer('secrets.get', 'an id', opened, b'[]')
        header, nonce, rest = answer[:33], answer[33:45], answer[45:]
        self.assertEqual(b'\x01' + name + sent.to_bytes(8, 'big'), header[:17])
        cipher = AESGCM(
            hmac.digest(
                KEY, pack(label, 'message key') + header[17:], 'sha256'
            )
        )
        bound = pack(label, 'answer', 'secrets.get') + b'an id' + header
        self.assertEqual(b'[]', cipher.decrypt(nonce, rest, bound))
