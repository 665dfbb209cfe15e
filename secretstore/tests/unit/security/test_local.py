# SPDX-License-Identifier: Apache-2.0
"""The form of a wrapped key, held against some that were fixed once."""

import json
import pathlib
from typing import Any
import unittest

from secretstore import errors
from secretstore.crypto import aead, binding
from secretstore.security import local

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors' / 'wrapped.json'


class VectorTest(unittest.TestCase):
    def setUp(self) -> None:
        self.vectors = json.loads(VECTORS.read_text('utf-8'))['vectors']

    def unwrap(self, vector: dict[str, Any], strategy: str) -> bytes:
        return local.LocalWrap(strategy).unwrap(
            aead.Aead(bytes.fromhex(vector['master_key'])),
            vector['reference'],
            bytes.fromhex(vector['wrapped']),
            binding.binding(*vector['binding']),
        )

    def test_each_strategy(self) -> None:
        names = [vector['strategy'] for vector in self.vectors]
        self.assertEqual(['proprietary', 'barbican'], names)
        for vector in self.vectors:
            with self.subTest(vector['strategy']):
                self.assertEqual(
                    vector['key'],
                    self.unwrap(vector, vector['strategy']).hex(),
                )

    def test_one_strategy_opens_nothing_of_another(self) -> None:
        one, other = self.vectors
        with self.assertRaises(errors.Corrupt):
            self.unwrap(one, other['strategy'])

    def test_uuids(self) -> None:
        good = self.vectors[0]['reference']
        self.assertTrue(local.is_uuid(good))
        for bad in (good.upper(), good[1:], good + '\n', f'../{good}', ''):
            self.assertFalse(local.is_uuid(bad), bad)
