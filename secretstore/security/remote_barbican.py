# SPDX-License-Identifier: Apache-2.0
"""A Barbican, used with credentials of the service's own.

What its client library raises, and what a wrong answer makes it raise, ends
here as one of our errors with a hint for the operator.
"""

from collections.abc import Callable, Iterator
import contextlib
import importlib
import os
from typing import Any, NamedTuple

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading, session
from oslo_config import cfg

from secretstore import errors, version
from secretstore.conf import barbican as options
from secretstore.security import barbican_answers as answers

SERVICE_TYPE = 'key-manager'

_BINARY = 'application/octet-stream'


class Connected(NamedTuple):
    """What one process talks to Barbican with."""

    pid: int
    session: session.Session
    endpoint: str
    client: Any


class RemoteBarbican:
    """The secrets of one project of a Barbican, by their ids.

    Thread safe.  It connects when it is first used, once more in a process
    that was forked, and anew after a failure.  Methods raise
    ``MasterKeyUnavailable`` with a hint, and ``MasterKeyNotFound`` for what
    Barbican answers that it does not have.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Raise ``StartupError`` when the options can never work."""
        options.register_client_opts(conf)
        self._conf = conf
        self._make = _client_factory(conf.barbican.remote_barbican_client)
        self._connected: Connected | None = None
        # Options are right or wrong whether or not anybody answers.
        self._new_session()

    def check(self) -> None:
        """Return when Barbican answers at all; needs no valid token."""
        with self.reported('it cannot be reached'):
            found = self.connection()
            found.session.get(found.endpoint, authenticated=False)

    def disconnect(self) -> None:
        """Have the next use connect again."""
        self._connected = None

    def store(self, name: str, key: bytes) -> str:
        """Store an AES key as a new secret and return its id."""
        with self.reported('a new secret cannot be stored'):
            secret = self.connection().client.secrets.create(
                name=name,
                payload=key,
                algorithm='aes',
                bit_length=len(key) * 8,
                secret_type='symmetric',  # noqa: S106
            )
            return id_in(secret.store())

    def fetch(self, secret_id: str) -> bytes:
        """The payload of a secret."""
        with self.reported(f'secret {secret_id}', of_secret=True):
            # The content type saves a request for the metadata.
            payload = (
                self.connection()
                .client.secrets.get(secret_id, payload_content_type=_BINARY)
                .payload
            )
        if not isinstance(payload, bytes):
            raise errors.MasterKeyNotFound(
                f'Barbican: secret {secret_id} has no payload'
            )
        return payload

    def delete(self, secret_id: str) -> None:
        """Remove a secret, whoever is registered as its consumer."""
        with self.reported(f'secret {secret_id}', of_secret=True):
            self.connection().client.secrets.delete(secret_id, force=True)

    def connection(self) -> Connected:
        """As long as nothing fails, the same."""
        found = self._connected
        # Two threads that connect at once do so twice, and wait for nobody.
        if found is None or found.pid != os.getpid():
            found = self._connected = self._connect()
        return found

    def _connect(self) -> Connected:
        group = self._conf.barbican
        found = self._new_session()
        endpoint = group.barbican_url or found.get_endpoint(
            service_type=SERVICE_TYPE,
            interface=group.barbican_endpoint_type,
            region_name=group.barbican_region_name,
        )
        if not endpoint:
            raise errors.MasterKeyUnusable(
                'Barbican: the catalog has no key-manager endpoint of this '
                'type and region: register one, or set [barbican] '
                'barbican_url'
            )
        endpoint = _unversioned(endpoint)
        _refuse_ourselves(found, endpoint)
        client = self._make(
            session=found,
            endpoint=endpoint,
            interface=group.barbican_endpoint_type,
            region_name=group.barbican_region_name,
            service_type=SERVICE_TYPE,
            version='v1',
        )
        return Connected(os.getpid(), found, endpoint, client)

    def _new_session(self) -> session.Session:
        try:
            auth = loading.load_auth_from_conf_options(
                self._conf, options.GROUP
            )
        except keystone_exceptions.ClientException as exc:
            raise errors.StartupError(
                f'[barbican]: {answers.line(exc)}'
            ) from exc
        if auth is None:
            raise errors.StartupError(
                '[barbican] auth_type is not set: the strategy needs a user '
                'of its own (auth_type = password, auth_url, username, '
                'password, project_name and their domains)'
            )
        return answers.SessionLoader().load_from_conf_options(
            self._conf, options.GROUP, auth=auth
        )

    @contextlib.contextmanager
    def reported(self, what: str, of_secret: bool = False) -> Iterator[None]:
        """Around what is done with the client, to raise errors of ours.

        :param what: it is about
        :param of_secret: a 404 means that Barbican does not have the secret
        """
        try:
            yield
        except errors.SecretStoreError:
            raise
        # The client is whatever remote_barbican_client says, and answers
        # that are not Barbican's make it fail in any way.
        except Exception as exc:
            if of_secret and answers.is_missing(exc):
                raise errors.MasterKeyNotFound(
                    f'Barbican: {what}: it does not exist (any more): '
                    f'restore it from a backup of Barbican, or correct '
                    f'[barbican] project_name'
                ) from exc
            self.disconnect()
            kind = (
                errors.MasterKeyUnusable
                if answers.is_for_the_operator(exc)
                else errors.MasterKeyUnavailable
            )
            raise kind(
                f'Barbican: {what}: {answers.line(exc)}: {answers.advice(exc)}'
            ) from exc


def _client_factory(path: str) -> Callable[..., Any]:
    where = f'[barbican] remote_barbican_client = {path}'
    module, _, name = path.rpartition('.')
    try:
        found = getattr(importlib.import_module(module), name)
    # It may fail in any way while it is imported.
    except Exception as exc:
        raise errors.StartupError(
            f'{where}: cannot be imported ({answers.line(exc)}); '
            f'python-barbicanclient comes with secretstore[barbican]'
        ) from exc
    if not callable(found):
        raise errors.StartupError(f'{where}: cannot be called')
    make: Callable[..., Any] = found
    return make


def _refuse_ourselves(found: session.Session, endpoint: str) -> None:
    """Raise when a secretstore answers there.

    A master key that is a secret of the service whose key it is could never
    be read again.
    """
    answer = found.get(endpoint, authenticated=False)
    if answer.headers.get(version.IMPLEMENTATION_HEADER):
        raise errors.MasterKeyUnusable(
            f'Barbican: at {endpoint} answers secretstore itself, which '
            f'cannot guard its own master keys: set [barbican] barbican_url '
            f'to a Barbican'
        )


def _unversioned(endpoint: str) -> str:
    return endpoint.rstrip('/').removesuffix('/v1')


def id_in(reference: str) -> str:
    """The last part of a reference, which is a URL."""
    return reference.rstrip('/').rpartition('/')[2]
