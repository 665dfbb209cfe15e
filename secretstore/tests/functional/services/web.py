# SPDX-License-Identifier: Apache-2.0
"""Plain HTTP requests to servers on this machine."""

import dataclasses
import email.message
import json
import typing
import urllib.error
import urllib.request

# Loopback addresses are reached directly, whatever the environment says.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server answered, with lower-case header names."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> typing.Any:
        return json.loads(self.body)


def call(
    method: str,
    url: str,
    body: object = None,
    headers: typing.Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Answer:
    """The answer, whatever its status; OSError when there is none.

    Bytes are sent as they are, anything else as JSON.
    """
    send = dict(headers or {})
    data = body if isinstance(body, bytes) else None
    if body is not None and data is None:
        data = json.dumps(body).encode()
        send.setdefault('Content-Type', 'application/json')
    request = urllib.request.Request(
        url, data=data, headers=send, method=method
    )
    try:
        with _opener.open(request, timeout=seconds) as reply:
            return _answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as reply:
        return _answer(reply.code, reply.headers, reply.read())


def _answer(
    status: int, headers: email.message.Message, body: bytes
) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    return Answer(status, lower, body)


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, with any status."""
    try:
        call('GET', url, seconds=5)
    except OSError:
        return False
    return True
