# SPDX-License-Identifier: Apache-2.0
"""What comes in over one connection, taken apart."""

from typing import NamedTuple

import httptools

from secretstore.rpc.http import answers

# The parser itself would keep any number of them.
_MAX_HEADERS = 65536
_TYPE = b'application/json'


class Request(NamedTuple):
    """A body, and whether the client would go on after the answer."""

    body: bytes
    keep: bool


class Requests:
    """Makes requests of bytes; one per connection, used by its thread.

    :ivar complete: those whose bytes are all there; for the caller to empty
    :ivar problem: the answer to what is no request, after which no more
        bytes can be fed
    :ivar wanted: the client waits with its body until it is told to go on
    """

    def __init__(self, max_body: int) -> None:
        self.complete: list[Request] = []
        self.problem: bytes | None = None
        self.wanted = False
        self._max_body = max_body
        self._parser = httptools.HttpRequestParser(self)
        self._fed = 0
        self._begin()

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(answers.MALFORMED)
        if self._in_headers:
            self._fed += len(data)
            if self._fed > _MAX_HEADERS:
                self._refuse(answers.LONG_HEADERS)

    def _refuse(self, answer: bytes) -> None:
        if self.problem is None:
            self.problem = answer

    def _begin(self) -> None:
        self._url = b''
        self._json = False
        self._body: list[bytes] = []
        self._size = 0
        self._in_headers = True

    # What the parser calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b'content-type':
            self._json = value[:16].lower() == _TYPE
        elif name == b'content-length':
            if int(value) > self._max_body:
                self._refuse(answers.TOO_LARGE)
        elif name == b'expect':
            self.wanted = value.lower() == b'100-continue'

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._fed = 0
        if self._url != b'/' and not _is_root(self._url):
            self._refuse(answers.WRONG_PATH)
        elif self._parser.get_method() != b'POST':
            self._refuse(answers.WRONG_METHOD)

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_body:
            self._refuse(answers.TOO_LARGE)
        if self.problem is None:
            self._body.append(part)

    def on_message_complete(self) -> None:
        if not self._size:
            self._refuse(answers.NO_BODY)
        elif not self._json:
            self._refuse(answers.WRONG_TYPE)
        if self.problem is None:
            keep = self._parser.should_keep_alive()
            self.complete.append(Request(b''.join(self._body), keep))
        self._begin()


def _is_root(url: bytes) -> bool:
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return False
    return parts.path in (None, b'/') and not parts.query
