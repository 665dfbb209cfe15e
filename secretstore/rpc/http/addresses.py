# SPDX-License-Identifier: Apache-2.0
"""Where conductors are: host and port, or the path of a unix socket."""

from typing import NamedTuple
import urllib.parse

from secretstore import errors

DEFAULT_PORT = 9312
SCHEMES = ('http', 'https', 'http+unix')


class Address(NamedTuple):
    """One place to listen at or to connect to; ``str()`` is its URL."""

    host: str = ''
    port: int = DEFAULT_PORT
    path: str = ''
    """Of a unix socket; then there is neither host nor port."""
    tls: bool = False

    def __str__(self) -> str:
        if self.path:
            return f'http+unix://{self.path}'
        return f'{"https" if self.tls else "http"}://{self.authority}'

    @property
    def authority(self) -> str:
        """What the Host header says."""
        if self.path:
            return 'localhost'
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{host}:{self.port}'


def from_url(url: str) -> tuple[Address, ...]:
    """The conductors that a transport URL names.

    ``http://a:9312,b:9312/``, https alike, or
    ``http+unix:///run/secretstore/conductor.sock``.  Raises StartupError.
    """
    scheme, _, rest = url.partition('://')
    if scheme not in SCHEMES:
        raise errors.StartupError(
            f'the scheme of a conductor must be one of {", ".join(SCHEMES)}'
        )
    hosts, slash, path = rest.partition('/')
    if scheme == 'http+unix':
        if hosts or not path:
            raise errors.StartupError(
                'http+unix:// wants the absolute path of a socket, as in '
                'http+unix:///run/secretstore/conductor.sock'
            )
        return (Address(port=0, path=slash + path),)
    if path or '@' in hosts:
        raise errors.StartupError(
            f'{scheme}:// wants hosts and ports only, as in '
            f'{scheme}://conductor-1:{DEFAULT_PORT},conductor-2:{DEFAULT_PORT}'
        )
    found = (_host_and_port(host, scheme == 'https') for host in _split(hosts))
    # Twice the same would get twice its share.
    return tuple(dict.fromkeys(found))


def to_listen_at(text: str, tls: bool = False) -> Address:
    """``host:port``, or the absolute path of a unix socket.

    TLS is for hosts and ports; whoever may open a unix socket is decided by
    its mode.  Raises StartupError.
    """
    if text.startswith('/'):
        return Address(port=0, path=text)
    return _host_and_port(text, tls)


def _split(hosts: str) -> list[str]:
    found = [host.strip() for host in hosts.split(',') if host.strip()]
    if not found:
        raise errors.StartupError('no conductor is named')
    return found


def _host_and_port(text: str, tls: bool) -> Address:
    try:
        parts = urllib.parse.urlsplit(f'//{text}')
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.netloc != text:
        raise errors.StartupError(
            f"'{text}' is neither host:port nor the path of a socket"
        )
    return Address(host, DEFAULT_PORT if port is None else port, tls=tls)
