# SPDX-License-Identifier: Apache-2.0
"""A private Barbican: what secretstore is compared with."""

from secretstore.tests.functional.services import (
    identity,
    mariadbd,
    memcache,
    system,
    uwsgi,
    venvs,
)

_KEK = 'dGhpcnR5X3R3b19ieXRlX2tleWJsYWhibGFoYmxhaGg='


class Barbican(uwsgi.WsgiServer):
    """Barbican's API on MariaDB with simple_crypto and without a worker.

    options are added to its own: old policy defaults, say.
    """

    name = 'barbican'
    module = 'application:application'

    def __init__(
        self,
        keystone: identity.Keystone,
        database: mariadbd.MariaDB,
        cache: memcache.Memcached,
        options: uwsgi.Options | None = None,
    ) -> None:
        self._programs = venvs.venv('barbican')
        super().__init__(self._programs)
        self._keystone = keystone
        self._database = database
        self._cache = cache
        self._more_options = options or {}
        self._database_name = f'barbican_{self.port}'
        # barbican finds its file by HOME, and by nothing else under uWSGI.
        self._conf = self.folder / '.barbican' / 'barbican.conf'
        self.extra = ('--pythonpath', str(self.folder))

    def env(self) -> dict[str, str]:
        return system.environment(HOME=str(self.folder))

    def prepare(self) -> None:
        if self._conf.exists():
            return
        system.say('preparing Barbican')
        self._conf.parent.mkdir()
        options = uwsgi.merge(self._options(), self._more_options)
        uwsgi.write_options(self._conf, options)
        # Its own WSGI module insists on a pipeline below /etc.
        pipeline = (
            self._programs.parent / 'etc/barbican/barbican-api-paste.ini'
        )
        (self.folder / 'application.py').write_text(
            'from paste import deploy\n'
            f'application = deploy.loadapp({f"config:{pipeline}"!r})\n'
        )
        self._database.create_database(self._database_name, 'utf8mb3')
        manage = str(self._programs / 'barbican-manage')
        system.run([manage, 'db', 'upgrade'], env=self.env())

    def _options(self) -> uwsgi.Options:
        return {
            'DEFAULT': {
                # From the request, as secretstore does by default.
                'host_href': '',
                'log_file': self.folder / 'application.log',
                'db_auto_create': False,
                'transport_url': 'fake://',
            },
            'database': {
                'connection': self._database.url(self._database_name)
            },
            'queue': {'enable': False},
            'oslo_policy': {'enforce_new_defaults': True},
            'keystone_authtoken': self._keystone.authtoken(
                self._cache.address
            ),
            'simple_crypto_plugin': {'kek': _KEK},
            'crypto': {'enabled_crypto_plugins': 'simple_crypto'},
            'secretstore': {'enabled_secretstore_plugins': 'store_crypto'},
        }
