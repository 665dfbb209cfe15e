# SPDX-License-Identifier: Apache-2.0
"""Secretstore itself, deployed the two ways that operators deploy it."""

import os
import pathlib
import typing

from secretstore.tests.functional.services import (
    identity,
    memcache,
    process,
    system,
    uwsgi,
    web,
)

_CHECKOUT = pathlib.Path(__file__).parents[4]
CLOUD = 'secretstore'


def program(name: str) -> str:
    """One of our commands, of the environment that runs the tests."""
    return system.find(name, 'secretstore (pip install -e .)', uwsgi.own_bin())


def with_keystone(
    keystone: identity.Keystone, cache: memcache.Memcached | None = None
) -> uwsgi.Options:
    """The options of a secretstore that asks Keystone about tokens."""
    return {
        'DEFAULT': {'auth_strategy': 'keystone'},
        'keystone_authtoken': keystone.authtoken(
            cache.address if cache else ''
        ),
    }


class Api(uwsgi.WsgiServer):
    """The WSGI application under uWSGI, with these options.

    They may be changed between stop() and start().
    """

    name = 'secretstore'
    module = 'secretstore.wsgi.api:application'

    def __init__(
        self,
        options: uwsgi.Options,
        processes: int = 2,
        threads: int = 8,
    ) -> None:
        super().__init__(uwsgi.own_bin())
        self.processes = processes
        self.threads = threads
        self.extra = ('--pythonpath', str(_CHECKOUT))
        self.config_file = self.folder / 'secretstore.conf'
        self.options = uwsgi.merge(options)

    def env(self) -> dict[str, str]:
        return system.environment(
            # No file of the machine's own is read.
            HOME=str(self.folder),
            SECRETSTORE_CONFIG_FILES=str(self.config_file),
        )

    def prepare(self) -> None:
        uwsgi.write_options(self.config_file, self.options)

    def ready(self) -> bool:
        return _is_healthy(self.url)

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()


def with_database(
    database_url: str, key_folder: pathlib.Path
) -> uwsgi.Options:
    """The options of a process with a conductor; master keys are files."""
    return {
        'DEFAULT': {'security_strategy': 'proprietary'},
        'proprietary': {'crypt_key_dir': key_folder},
        'database': {'connection': database_url},
    }


def manage(config_file: pathlib.Path, env: dict[str, str], *words: str) -> str:
    """The output of secretstore-manage; Error when it fails."""
    return system.run(
        [
            program('secretstore-manage'),
            f'--config-file={config_file}',
            *words,
        ],
        env=env,
        cwd=config_file.parent,
    )


class SecretStore(Api):
    """The API with the embedded conductor.

    Without any options, requests are not authenticated and master keys are
    files.
    """

    def __init__(
        self,
        database_url: str,
        options: uwsgi.Options | None = None,
        processes: int = 2,
        threads: int = 8,
    ) -> None:
        super().__init__({}, processes, threads)
        self.key_folder = self.folder / 'keys'
        self.options = uwsgi.merge(
            {
                'DEFAULT': {
                    'auth_strategy': 'noauth',
                    'state_path': self.folder,
                }
            },
            with_database(database_url, self.key_folder),
            options or {},
        )

    def prepare(self) -> None:
        super().prepare()
        self.manage('db', 'upgrade')

    def manage(self, *words: str) -> str:
        """The output of secretstore-manage; Error when it fails."""
        return manage(self.config_file, self.env(), *words)


class Standalone(process.Server):
    """What make run starts: one process, SQLite, a password of its own."""

    name = 'standalone'

    def __init__(
        self,
        state_folder: pathlib.Path | None = None,
        arguments: typing.Sequence[str] = (),
    ) -> None:
        self._program = program('secretstore-standalone')
        super().__init__()
        self.state_folder = state_folder or self.folder / 'state'
        self.arguments = list(arguments)

    @property
    def url(self) -> str:
        return f'http://{system.HOST}:{self.port}'

    def env(self) -> dict[str, str]:
        path = f'{uwsgi.own_bin()}{os.pathsep}{os.environ["PATH"]}'
        return system.environment(HOME=str(self.folder), PATH=path)

    def command(self) -> list[str]:
        return [
            self._program,
            '--state-dir',
            str(self.state_folder),
            '--port',
            str(self.port),
            *self.arguments,
        ]

    def ready(self) -> bool:
        return _is_healthy(self.url)

    def client_env(self) -> dict[str, str]:
        """The environment in which the openstack client finds the service."""
        return {
            'HOME': str(self.folder),
            'OS_CLIENT_CONFIG_FILE': str(self.state_folder / 'clouds.yaml'),
            'OS_CLOUD': CLOUD,
        }

    def openstack(self, *words: str) -> str:
        """The output of the real openstack client; Error when it fails."""
        return system.run(
            [program('openstack'), *words],
            env=system.environment(**self.client_env()),
            cwd=self.folder,
        )


def _is_healthy(url: str) -> bool:
    try:
        return web.call('GET', f'{url}/healthcheck', seconds=5).status == 200
    except OSError:
        return False
