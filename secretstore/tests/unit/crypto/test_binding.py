# SPDX-License-Identifier: Apache-2.0
import hashlib
import unittest

import hypothesis
from hypothesis import strategies as st

from secretstore.crypto import binding

# Few letters, so that shifting text between parts is tried often.
PARTS = st.tuples(*[st.text('ab\0\3:/é', max_size=4)] * 3)
ANY_PARTS = st.tuples(*[st.text()] * 3)


class BindingTest(unittest.TestCase):
    def test_bytes_are_fixed(self) -> None:
        """Stored records depend on them: they never change."""
        self.assertEqual(
            b'\0\0\0\6secret\0\0\0\2p1\0\0\0\0',
            binding.binding('secret', 'p1', ''),
        )

    @hypothesis.given(PARTS | ANY_PARTS, PARTS | ANY_PARTS)
    def test_injective(
        self, one: tuple[str, str, str], other: tuple[str, str, str]
    ) -> None:
        same = binding.binding(*one) == binding.binding(*other)
        self.assertEqual(one == other, same)

    @hypothesis.given(ANY_PARTS)
    def test_can_be_read_back(self, parts: tuple[str, str, str]) -> None:
        """Which proves it injective: one input per output."""
        rest, read = binding.binding(*parts), []
        while rest:
            size = int.from_bytes(rest[:4], 'big')
            read.append(rest[4 : 4 + size].decode())
            rest = rest[4 + size :]
        self.assertEqual(list(parts), read)

    def test_text_without_utf_8(self) -> None:
        with self.assertRaises(ValueError):
            binding.binding('secret', '\ud800', 'x')

    def test_digest_is_fixed(self) -> None:
        """As consumers are compared by it, it never changes either."""
        self.assertEqual(
            hashlib.sha256(b'\0\0\0\1a\0\0\0\2\xc3\xa9').hexdigest(),
            binding.digest('a', 'é'),
        )
