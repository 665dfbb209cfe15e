# SPDX-License-Identifier: Apache-2.0
"""Options that stop the start, with one line that names them."""

import sqlalchemy

from secretstore.tests.functional import base, refusal
from secretstore.tests.functional.services import own, system, uwsgi


class TestConfiguration(base.FunctionalTest):
    def refused(self, group: str, **options: object) -> str:
        server = _server(self.new_database('sqlite'))
        server.prepare()
        server.options[group] = {**server.options[group], **options}
        uwsgi.write_options(server.config_file, server.options)
        return refusal.of(self, server)

    def test_security_strategy(self) -> None:
        for name in ('unheard-of', 'no.such.Class', 'os.path.join'):
            line = self.refused('DEFAULT', security_strategy=name)
            self.assertIn(f'security_strategy = {name}', line)

    def test_auth_strategy(self) -> None:
        line = self.refused('DEFAULT', auth_strategy='trust')
        self.assertIn('auth_strategy', line)

    def test_password_file(self) -> None:
        line = self.refused('DEFAULT', auth_strategy='http_basic')
        self.assertIn('password file', line)

    def test_database_url(self) -> None:
        for url, word in (
            ('', 'not set'),
            ('mysql+pymysql//root:hunter2@localhost/x', 'not a database'),
            ('oracle://root:hunter2@localhost/x', 'oracle'),
            ('mysql+unheard://root:hunter2@localhost/x', 'unheard'),
            ('sqlite://', 'SQLite needs a file'),
        ):
            with self.subTest(url):
                line = self.refused('database', connection=url)
                self.assertIn('[database] connection', line)
                self.assertIn(word, line)
                self.assertNotIn('hunter2', line)

    def test_database_away(self) -> None:
        port = system.free_port()
        for scheme in ('mysql+pymysql', 'postgresql+psycopg2'):
            url = f'{scheme}://root:hunter2@{system.HOST}:{port}/x'
            server = _server(url)
            uwsgi.write_options(server.config_file, server.options)
            # uWSGI goes on trying, as it should: see test_faults_database.
            with self.assertRaises(system.Error) as caught:
                server.manage('db', 'check')
            said = str(caught.exception)
            self.assertIn('secretstore-manage: The database is', said)
            self.assertRegex(said, r'\(.*Connection refused.*\)')
            self.assertNotIn('hunter2', said)

    def test_database_refuses_us(self) -> None:
        for kind in ('mariadb', 'postgresql'):
            url = sqlalchemy.make_url(self.new_database(kind))
            for changed, word in (
                (url.set(username='nobody', password='hunter2'), 'nobody'),
                (url.set(database='nowhere'), 'nowhere'),
            ):
                with self.subTest(kind, word=word):
                    server = _server(
                        changed.render_as_string(hide_password=False)
                    )
                    with self.assertRaises(system.Error) as caught:
                        server.manage('db', 'upgrade')
                    said = str(caught.exception)
                    self.assertIn('secretstore-manage: The database', said)
                    self.assertRegex(said, rf'\(.*{word}.*\)')
                    self.assertNotIn('hunter2', said)
                    self.assertNotIn('Traceback', said)

    def test_missing_file(self) -> None:
        server = _server(self.new_database('sqlite'))
        server.config_file.unlink()
        line = refusal.of(self, server)
        self.assertIn(str(server.config_file), line)

    def test_keystone(self) -> None:
        user = {'auth_type': 'password', 'username': 'x', 'password': 'hush'}
        for options, word in (
            ({}, 'auth_type is not set'),
            ({**user, 'auth_type': 'pasword'}, 'pasword'),
            (user, 'auth_url'),
        ):
            server = _server(self.new_database('sqlite'))
            server.prepare()
            server.options['DEFAULT']['auth_strategy'] = 'keystone'
            server.options['keystone_authtoken'] = dict(options)
            uwsgi.write_options(server.config_file, server.options)
            line = refusal.of(self, server)
            self.assertIn('[keystone_authtoken]', line)
            self.assertIn(word, line)
            self.assertNotIn('hush', line)


def _server(url: str) -> own.SecretStore:
    """A configured server, its database left as it is."""
    server = own.SecretStore(url, processes=1)
    uwsgi.write_options(server.config_file, server.options)
    return server
