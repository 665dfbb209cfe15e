# SPDX-License-Identifier: Apache-2.0
"""Exact bytes in gabbi's YAML, in requests and in answers.

``data: {base64: gIE=}`` sends these bytes, whatever the content type.
``response_body`` compares the whole body, as ``text`` or as ``base64``.
"""

import base64
import typing

from gabbi import case
from gabbi.handlers import base, jsonhandler


def _as_bytes(data: typing.Any) -> bytes | None:
    if isinstance(data, bytes):
        return data
    if isinstance(data, dict) and list(data) == ['base64']:
        return base64.b64decode(data['base64'], validate=True)
    return None


class Json(jsonhandler.JSONHandler):
    """JSON, and what only claims to be it."""

    @staticmethod
    def dumps(
        data: typing.Any,
        pretty: bool = False,
        test: case.HTTPTestCase | None = None,
    ) -> typing.Any:
        sent = _as_bytes(data)
        if sent is None:
            return jsonhandler.JSONHandler.dumps(data, pretty, test)
        return sent


class Body(base.ContentHandler):
    """All other content, and ``response_body`` for any: exactly this."""

    test_key_suffix = 'body'
    test_key_value: dict[str, str] = {}

    @staticmethod
    def accepts(content_type: str | None) -> bool:
        return not jsonhandler.JSONHandler.accepts(content_type or '')

    @staticmethod
    def dumps(
        data: typing.Any,
        pretty: bool = False,
        test: case.HTTPTestCase | None = None,
    ) -> typing.Any:
        sent = _as_bytes(data)
        return data if sent is None else sent

    def action(
        self, test: case.HTTPTestCase, item: str, value: str | None = None
    ) -> None:
        body = test.output
        if isinstance(body, str):
            body = body.encode()
        if item == 'text':
            expected = str(test.replace_template(value)).encode()
        else:
            expected = base64.b64decode(value or '', validate=True)
        test.assertEqual(expected, body)


HANDLERS = (Json, Body)
