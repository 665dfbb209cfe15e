# SPDX-License-Identifier: Apache-2.0
import unittest
import uuid

import hypothesis
from hypothesis import strategies as st

from secretstore import errors
from secretstore.crypto.aead import Aead
from secretstore.crypto.envelope import Envelope

KEY_ID = uuid.UUID('8d4cf0a7-6a27-4b5e-9d51-0c38a5d5f2b1')
OTHER_ID = uuid.UUID('0a3f7a52-5f2e-4f0b-8c74-7d0f6d0a9e11')
KEY = Aead(b'k' * 32)
OTHER_KEY = Aead(b'o' * 32)
BINDING = b'secret/p/1'


def sealed(payload: bytes) -> bytes:
    return Envelope.seal(KEY_ID, KEY, payload, BINDING).encode()


class EnvelopeTest(unittest.TestCase):
    @hypothesis.given(st.binary(), st.binary())
    def test_round_trip(self, payload: bytes, binding: bytes) -> None:
        record = Envelope.seal(KEY_ID, KEY, payload, binding).encode()
        self.assertEqual(105 + len(payload), len(record))
        envelope = Envelope.decode(record)
        self.assertEqual(KEY_ID, envelope.project_key_id)
        self.assertEqual(payload, envelope.open(KEY, binding))
        self.assertEqual(record, envelope.encode())

    @hypothesis.given(st.binary(max_size=100), st.data())
    def test_any_flipped_bit_is_corrupt(
        self, payload: bytes, data: st.DataObject
    ) -> None:
        record = bytearray(sealed(payload))
        bit = data.draw(st.integers(0, len(record) * 8 - 1))
        record[bit // 8] ^= 1 << bit % 8
        with self.assertRaises(errors.Corrupt):
            Envelope.decode(bytes(record)).open(KEY, BINDING)

    def test_every_flipped_bit_of_one_record_is_corrupt(self) -> None:
        record = sealed(b'payload')
        for bit in range(len(record) * 8):
            changed = bytearray(record)
            changed[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(errors.Corrupt, msg=f'bit {bit}'):
                Envelope.decode(bytes(changed)).open(KEY, BINDING)

    def test_every_cut_is_corrupt(self) -> None:
        record = sealed(b'payload')
        for size in range(len(record)):
            with self.assertRaises(errors.Corrupt, msg=f'{size} bytes'):
                Envelope.decode(record[:size]).open(KEY, BINDING)

    @hypothesis.given(
        st.binary(max_size=300) | st.binary(max_size=300).map(b'\1'.__add__)
    )
    def test_noise_is_corrupt_and_nothing_else(self, record: bytes) -> None:
        with self.assertRaises(errors.Corrupt):
            Envelope.decode(record).open(KEY, BINDING)

    def test_swapped_parts_are_corrupt(self) -> None:
        one = Envelope.seal(KEY_ID, KEY, b'one', BINDING)
        other = Envelope.seal(KEY_ID, KEY, b'other', BINDING)
        mixed = Envelope(KEY_ID, one.wrapped_data_key, other.sealed_payload)
        with self.assertRaises(errors.Corrupt):
            mixed.open(KEY, BINDING)

    def test_wrong_key_or_binding_is_corrupt(self) -> None:
        envelope = Envelope.decode(sealed(b'payload'))
        for key, binding in ((OTHER_KEY, BINDING), (KEY, b'secret/p/2')):
            with self.assertRaises(errors.Corrupt):
                envelope.open(key, binding)

    def test_payload_does_not_open_with_the_project_key(self) -> None:
        envelope = Envelope.decode(sealed(b'payload'))
        swapped = Envelope(
            KEY_ID, envelope.sealed_payload, envelope.wrapped_data_key
        )
        with self.assertRaises(errors.Corrupt):
            swapped.open(KEY, BINDING)

    def test_data_key_of_another_length_is_corrupt(self) -> None:
        # No record of ours has one; a strategy of a third party might.
        context = b'secretstore envelope data key\0\1' + KEY_ID.bytes + BINDING
        envelope = Envelope(KEY_ID, KEY.seal(b'short', context), bytes(28))
        with self.assertRaises(errors.Corrupt):
            envelope.open(KEY, BINDING)


class RewrapTest(unittest.TestCase):
    def test_payload_is_taken_over_as_it_is(self) -> None:
        before = Envelope.decode(sealed(b'payload'))
        after = before.rewrap(KEY, OTHER_ID, OTHER_KEY, BINDING)
        self.assertEqual(OTHER_ID, after.project_key_id)
        self.assertEqual(before.sealed_payload, after.sealed_payload)
        self.assertNotEqual(before.wrapped_data_key, after.wrapped_data_key)
        stored = Envelope.decode(after.encode())
        self.assertEqual(b'payload', stored.open(OTHER_KEY, BINDING))

    def test_old_key_no_longer_opens(self) -> None:
        after = Envelope.decode(sealed(b'payload')).rewrap(
            KEY, OTHER_ID, OTHER_KEY, BINDING
        )
        with self.assertRaises(errors.Corrupt):
            after.open(KEY, BINDING)

    def test_refuses_what_the_old_key_does_not_open(self) -> None:
        envelope = Envelope.decode(sealed(b'payload'))
        for old, binding in ((OTHER_KEY, BINDING), (KEY, b'secret/p/2')):
            with self.assertRaises(errors.Corrupt):
                envelope.rewrap(old, OTHER_ID, OTHER_KEY, binding)
