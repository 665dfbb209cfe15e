# SPDX-License-Identifier: Apache-2.0
import json
import unittest

from hypothesis import given, settings
from hypothesis import strategies as st
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, new_secret

LIMIT = 100
PROPERTIES = [*new_secret.SCHEMA._validator.schema['properties'], 'other']
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
LIKELY = st.sampled_from(
    [
        'text/plain',
        'application/octet-stream',
        'base64',
        'AAEC',
        '2999-01-01',
        'opaque',
        'true',
        '\0',
        '\ud800',
    ]
)
OBJECTS = st.dictionaries(st.sampled_from(PROPERTIES), LIKELY | JSON_VALUES)


class AnythingTest(unittest.TestCase):
    @settings(deadline=None, max_examples=300)
    @given(OBJECTS | JSON_VALUES)
    def test_only_named_errors(self, data: object) -> None:
        try:
            found = new_secret.parse(data, LIMIT)
        except errors.SecretStoreError as error:
            str(error)
        else:
            self.assertEqual(
                found['payload'] is None, found['content_type'] is None
            )

    @settings(deadline=None, max_examples=300)
    @given(st.binary() | JSON_VALUES.map(lambda v: json.dumps(v).encode()))
    def test_bodies(self, body: bytes) -> None:
        request = webob.Request.blank(
            '/',
            method='POST',
            body=body,
            headers={'Content-Type': 'application/json'},
        )
        try:
            new_secret.parse(bodies.read_json(request, 25000), LIMIT)
        except errors.SecretStoreError:
            return
