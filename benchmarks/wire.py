# SPDX-License-Identifier: Apache-2.0
"""Bytes of HTTP requests, built before the clock starts, and of answers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
import json
import urllib.parse

JSON = 'application/json'
OCTETS = 'application/octet-stream'
KEY = bytes(range(32))


class BadAnswer(Exception):
    """The bytes are not an answer this client can delimit."""


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes
    keep: bool


class Target:
    """Builds requests to one service in the name of one project."""

    def __init__(self, url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if not parts.hostname or not parts.hostname.startswith('127.'):
            raise ValueError(f'{url}: load only ever goes to loopback')
        self.address = (parts.hostname, parts.port or 80)
        self._prefix = parts.path.rstrip('/')
        self._common = f'Host: {parts.netloc}\r\nX-Auth-Token: {token}\r\n'

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        accept: str = JSON,
    ) -> bytes:
        """The whole request; ``body`` is JSON."""
        head = (
            f'{method} {self._prefix}{path} HTTP/1.1\r\n'
            f'{self._common}Accept: {accept}\r\n'
        )
        if body is not None:
            head += f'Content-Type: {JSON}\r\nContent-Length: {len(body)}\r\n'
        return head.encode() + b'\r\n' + (body or b'')

    def get(self, path: str, accept: str = JSON) -> bytes:
        return self.request('GET', path, accept=accept)

    def store(self, size: int = len(KEY)) -> bytes:
        """A POST of a secret whose payload is ``payload(size)``."""
        body = {
            'name': 'benchmark',
            'payload': base64.b64encode(payload(size)).decode(),
            'payload_content_type': OCTETS,
            'payload_content_encoding': 'base64',
        }
        if size == len(KEY):
            body |= {
                'secret_type': 'symmetric',
                'algorithm': 'aes',
                'mode': 'cbc',
            }
        return self.request('POST', '/v1/secrets', json.dumps(body).encode())

    def relative(self, ref: str) -> str:
        """Path and query of a link, whatever host it names."""
        parts = urllib.parse.urlsplit(ref)
        path = parts.path.removeprefix(self._prefix)
        return f'{path}?{parts.query}' if parts.query else path


def payload(size: int) -> bytes:
    """The bytes that every secret of that size holds."""
    return (KEY * (size // len(KEY) + 1))[:size]


def parse(data: bytes) -> Answer | None:
    """The answer, or None while bytes of it are missing."""
    end = data.find(b'\r\n\r\n')
    if end < 0:
        return None
    head = data[:end].lower()
    if not head.startswith(b'http/1.1 '):
        raise BadAnswer(f'not HTTP/1.1: {data[:20]!r}')
    status = int(head[9:12])
    at = head.find(b'\r\ncontent-length:')
    if at >= 0:
        length = int(head[at + 17 :].split(b'\r\n', 1)[0])
    elif status == 204:
        length = 0
    else:
        raise BadAnswer(f'status {status} without Content-Length')
    if len(data) - end - 4 < length:
        return None
    if len(data) - end - 4 > length:
        raise BadAnswer(f'status {status}: more bytes than announced')
    return Answer(
        status, data[end + 4 :], b'\r\nconnection: close' not in head
    )
