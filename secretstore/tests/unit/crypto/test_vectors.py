# SPDX-License-Identifier: Apache-2.0
"""The envelope's format, held against records that were fixed once."""

import json
import pathlib
from typing import Any
import unittest
import uuid

from secretstore import errors
from secretstore.crypto import aead, binding, envelope
from secretstore.tests.unit.crypto import builder

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors' / 'envelope.json'
FAILURES = {'corrupt': errors.Corrupt}


def opened(vector: dict[str, Any]) -> bytes:
    key = aead.Aead(bytes.fromhex(vector['project_key']))
    record = bytes.fromhex(vector['record'])
    return envelope.Envelope.decode(record).open(
        key, binding.binding(*vector['binding'])
    )


class VectorTest(unittest.TestCase):
    def setUp(self) -> None:
        self.vectors = json.loads(VECTORS.read_text('utf-8'))['vectors']
        self.good = [v for v in self.vectors if v['result'] == 'ok']
        self.bad = [v for v in self.vectors if v['result'] != 'ok']

    def test_good_ones_open(self) -> None:
        self.assertTrue(self.good)
        for vector in self.good:
            with self.subTest(vector['name']):
                self.assertEqual(vector['payload'], opened(vector).hex())

    def test_bad_ones_fail_as_they_should(self) -> None:
        self.assertTrue(self.bad)
        for vector in self.bad:
            with (
                self.subTest(vector['name']),
                self.assertRaises(FAILURES[vector['result']]),
            ):
                opened(vector)

    def test_a_second_implementation_writes_the_good_ones(self) -> None:
        for vector in self.good:
            built = vector['built_from']
            first, second = (bytes.fromhex(n) for n in built['nonces'])
            record = builder.record(
                bytes.fromhex(vector['project_key']),
                uuid.UUID(built['project_key_id']),
                bytes.fromhex(built['data_key']),
                (first, second),
                bytes.fromhex(vector['payload']),
                builder.bound(*vector['binding']),
            )
            with self.subTest(vector['name']):
                self.assertEqual(vector['record'], record.hex())
