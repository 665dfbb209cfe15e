# SPDX-License-Identifier: Apache-2.0
"""A private Keystone."""

import getpass
import grp
import os

from secretstore.tests.functional.services import (
    accounts,
    system,
    uwsgi,
    venvs,
    web,
)

REGION = 'RegionOne'


class Keystone(uwsgi.WsgiServer):
    """Keystone with the roles, projects and users of accounts.py.

    options may be changed between stop() and start().
    """

    name = 'keystone'
    module = 'keystone.wsgi.api:application'
    # Requests come from clients that keep connections open, and one process
    # serving one of those would be deaf to all others.
    socket_option = '--http-socket'
    extra = ('--add-header', 'Connection: close')
    # SQLite answers 500 when two requests write at a time.
    processes = 1

    def __init__(self, options: uwsgi.Options | None = None) -> None:
        self._programs = venvs.venv('keystone')
        super().__init__(self._programs)
        self._conf = self.folder / 'keystone.conf'
        self.options = options or {}

    @property
    def auth_url(self) -> str:
        return f'{self.url}/v3'

    def env(self) -> dict[str, str]:
        return system.environment(OS_KEYSTONE_CONFIG_DIR=str(self.folder))

    def prepare(self) -> None:
        first = not self._conf.exists()
        options = uwsgi.merge(self._options(), self.options)
        uwsgi.write_options(self._conf, options)
        if not first:
            return
        system.say('preparing Keystone')
        self._manage('db_sync')
        group = grp.getgrgid(os.getgid()).gr_name
        for what in ('fernet_setup', 'credential_setup'):
            self._manage(
                what,
                f'--keystone-user={getpass.getuser()}',
                f'--keystone-group={group}',
            )
        self._manage(
            'bootstrap',
            f'--bootstrap-password={accounts.ADMIN.password}',
            f'--bootstrap-username={accounts.ADMIN.user}',
            f'--bootstrap-project-name={accounts.ADMIN.project}',
            '--bootstrap-role-name=admin',
            '--bootstrap-service-name=keystone',
            f'--bootstrap-region-id={REGION}',
            f'--bootstrap-admin-url={self.auth_url}',
            f'--bootstrap-internal-url={self.auth_url}',
            f'--bootstrap-public-url={self.auth_url}',
        )

    def _options(self) -> uwsgi.Options:
        return {
            'DEFAULT': {'log_file': self.folder / 'application.log'},
            'database': {'connection': f'sqlite:///{self.folder}/keystone.db'},
            'token': {'provider': 'fernet', 'expiration': 14400},
            'fernet_tokens': {'key_repository': self.folder / 'fernet'},
            'credential': {'key_repository': self.folder / 'credential'},
            # bcrypt's minimum: the suites make hundreds of logins.
            'identity': {'password_hash_rounds': 4},
            'cache': {'enabled': True, 'backend': 'oslo_cache.dict'},
        }

    def _manage(self, *words: str) -> None:
        program = str(self._programs / 'keystone-manage')
        system.run(
            [program, f'--config-file={self._conf}', *words], env=self.env()
        )

    def start(self) -> None:
        first = not self._conf.exists()
        super().start()
        if first:
            accounts.register(accounts.Directory(self.auth_url))

    def ready(self) -> bool:
        return web.answers(self.auth_url)

    def token(
        self,
        user: str = accounts.ADMIN.user,
        password: str | None = None,
        project: str | None = None,
    ) -> str:
        """A project-scoped token.

        Users of accounts.py need no password and no project.
        """
        account = accounts.find(user, password, project)
        return accounts.authenticate(self.auth_url, account)[0]

    def project_id(self, project: str) -> str:
        """The id of a project; made when there is none of that name."""
        directory = accounts.Directory(self.auth_url)
        return directory.ensure('project', project, domain_id='default')

    def register_endpoint(self, url: str, region: str = REGION) -> None:
        """Make url the key-manager endpoint of a region in the catalog."""
        accounts.Directory(self.auth_url).set_endpoint(url, region)

    def authtoken(self, memcached: str = '') -> dict[str, object]:
        """What a service puts into its [keystone_authtoken]."""
        options: dict[str, object] = {
            'auth_type': 'password',
            'auth_url': self.auth_url,
            'www_authenticate_uri': self.auth_url,
            'username': accounts.SERVICE.user,
            'password': accounts.SERVICE.password,
            'project_name': accounts.SERVICE.project,
            'user_domain_name': 'Default',
            'project_domain_name': 'Default',
            'service_token_roles_required': True,
        }
        if memcached:
            options['memcached_servers'] = memcached
        return options

    def client_env(
        self,
        user: str = accounts.ADMIN.user,
        password: str | None = None,
        project: str | None = None,
    ) -> dict[str, str]:
        """The OS_* variables with which the openstack client logs in."""
        account = accounts.find(user, password, project)
        return {
            'OS_AUTH_URL': self.auth_url,
            'OS_IDENTITY_API_VERSION': '3',
            'OS_USERNAME': account.user,
            'OS_PASSWORD': account.password,
            'OS_PROJECT_NAME': account.project,
            'OS_USER_DOMAIN_NAME': 'Default',
            'OS_PROJECT_DOMAIN_NAME': 'Default',
            'OS_REGION_NAME': REGION,
        }
