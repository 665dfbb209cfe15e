# SPDX-License-Identifier: Apache-2.0
from secretstore.cmd.service import CANNOT_LOAD, TRY_AGAIN
from secretstore.rpc import sealfile
from secretstore.tests.unit.cmd.base import CommandTest

SHOW = (
    'import sys; from pathlib import Path; '
    'from secretstore.cmd import service; '
    'files = [Path(name) for name in sys.argv[1:]]; '
    'print(service.load_config(files=files).host_href)'
)
START = (
    'from secretstore.cmd import service; '
    'print(callable(service.wsgi_application()))'
)


# Also what it finds when it may import everything, as pecan would.
REMOTE = (
    'import sys; '
    'from secretstore.wsgi import api; '
    'roots = ("secretstore.conductor", "secretstore.keys", "secretstore.db", '
    '"secretstore.security", "sqlalchemy", "alembic", "oslo_messaging"); '
    'print([name for name in sys.modules if sys.modules[name] '
    'and name.startswith(roots)])'
)


class LoadConfigTest(CommandTest):
    def write(self, name: str, href: str) -> str:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'[DEFAULT]\nhost_href = {href}\n')
        return str(file)

    def href(self, *arguments: str, files: str = '') -> str:
        done = self.run_python(SHOW, *arguments, files=files)
        self.assert_ends(0, done)
        return done.stdout.strip()

    def test_precedence(self) -> None:
        self.assertEqual('', self.href())
        self.write('.secretstore/secretstore.conf', 'home')
        self.assertEqual('home', self.href())
        named = self.write('named.conf', 'named')
        self.assertEqual('named', self.href(files=named))
        given = self.write('given.conf', 'given')
        self.assertEqual('given', self.href(given, files=named))

    def test_of_several_files_the_last_counts(self) -> None:
        files = [self.write(f'{name}.conf', name) for name in 'ab']
        self.assertEqual('b', self.href(files=':'.join(files)))
        self.assertEqual('a', self.href(files=':'.join(reversed(files))))
        self.assertEqual('b', self.href(*files))
        self.assertEqual('a', self.href(files=f':{files[0]}::'))


class WsgiApplicationTest(CommandTest):
    def test_starts(self) -> None:
        done = self.run_command('manage', 'db', 'upgrade')
        self.assert_ends(0, done)
        done = self.run_python(START)
        self.assert_ends(0, done, 'True')

    def assert_one_line(self, *words: str, status: int = CANNOT_LOAD) -> None:
        done = self.run_python(START)
        self.assert_ends(status, done, *words)
        lines = [
            line
            for line in done.stderr.splitlines()
            if line.startswith('secretstore: ')
        ]
        self.assertEqual(1, len(lines), done.stderr)

    def test_an_empty_database(self) -> None:
        self.assert_one_line('run secretstore-manage db upgrade')

    def test_no_database(self) -> None:
        self.configure(f'sqlite:///{self.folder}/none/secretstore.db')
        # It may come back: uWSGI is to go on with its other workers.
        self.assert_one_line(
            'database', '(unable to open database file)', status=TRY_AGAIN
        )

    def test_a_file_that_is_no_database(self) -> None:
        (self.folder / 'secretstore.db').write_text('a letter home' * 100)
        self.assert_one_line('(file is not a database)')

    def test_logging_that_cannot_be_set_up(self) -> None:
        for line in ('log_config_append = /none', 'log_file = /none/a.log'):
            text = self.configure().read_text()
            self.file.write_text(
                text.replace('[DEFAULT]', f'[DEFAULT]\n{line}')
            )
            self.assert_one_line('/none')

    def test_an_unknown_dialect(self) -> None:
        self.configure('oracle://host/db')
        self.assert_one_line('oracle')

    def test_a_wrong_option(self) -> None:
        self.run_command('manage', 'db', 'upgrade')
        text = self.file.read_text()
        self.file.write_text(text.replace('noauth', 'magic'))
        self.assert_one_line('auth_strategy')

    def test_a_policy_file_that_cannot_be_used(self) -> None:
        self.run_command('manage', 'db', 'upgrade')
        policy = self.folder / 'policy.yaml'
        policy.write_text('a: [')
        with self.file.open('a') as file:
            file.write(f'[oslo_policy]\npolicy_file = {policy}\n')
        self.assert_one_line(str(policy))


class RemoteConductorTest(CommandTest):
    """No conductor runs, and there is no database."""

    def setUp(self) -> None:
        super().setUp()
        self.write('http://127.0.0.1:1/')
        sealfile.create(str(self.folder / 'rpc.key'))

    def write(self, url: str) -> None:
        self.file.write_text(
            f'[DEFAULT]\nauth_strategy = noauth\ntransport_url = {url}\n'
            '[api]\nconductor = rpc\n'
            f'[rpc]\nseal_key_file = {self.folder}/rpc.key\n'
        )

    def test_starts_without_what_could_see_a_key(self) -> None:
        done = self.run_python(REMOTE)
        self.assert_ends(0, done)
        self.assertEqual('[]', done.stdout.splitlines()[-1])

    def refused(self, word: str) -> None:
        done = self.run_python(START)
        self.assert_ends(CANNOT_LOAD, done, 'secretstore: ', word)
        self.assertEqual(1, done.stderr.count('secretstore: '))

    def test_mistakes(self) -> None:
        (self.folder / 'rpc.key').unlink()
        self.refused('create-seal-key')
        for url in ('http://', 'carrier://pigeon', 'http://a:b'):
            sealfile.create(str(self.folder / 'rpc.key'))
            self.write(url)
            self.refused('transport_url')
            (self.folder / 'rpc.key').unlink()
