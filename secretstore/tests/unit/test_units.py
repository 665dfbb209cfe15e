# SPDX-License-Identifier: Apache-2.0
"""What the documentation tells the units of etc/systemd to use, they can."""

import pathlib
import re
import typing
import unittest

ROOT = pathlib.Path(__file__).parents[3]
SPLIT = 'install/split.rst'
PAGES = (SPLIT, 'admin/messages.rst', 'admin/monitoring.rst')
# Folders of systemd's, by what unit files call them.
FOLDERS = {
    'RuntimeDirectory': '/run',
    'StateDirectory': '/var/lib',
    'LogsDirectory': '/var/log',
}
WRITTEN = r'lock_path|directory|log_file|log_dir|file_event_handler|\w+_dir'
ROW = r'\* - (.+)\n +- (.+)\n +- (.+)\n'


def page(name: str) -> str:
    return (ROOT / 'doc/source' / name).read_text()


class Unit:
    """A unit, with what it may write to and what it is handed."""

    def __init__(self, program: str) -> None:
        folder = ROOT / 'etc/systemd'
        self.lines = [
            (name, value)
            for file in (f'secretstore-{program}.service', 'tls.conf')
            for name, value in re.findall(
                r'^(\w+)=(.*)', (folder / file).read_text(), re.M
            )
        ]
        (self.command,) = self.all('ExecStart')
        self.environment = dict(
            value.replace('%t', '/run').split('=', 1)
            for value in self.all('Environment')
        )
        self.credentials = dict(
            value.split(':', 1) for value in self.all('LoadCredential')
        )
        self.writable = [
            f'{FOLDERS[name]}/{value}'
            for name, value in self.lines
            if name in FOLDERS
        ]
        self.writable += [
            value.removeprefix('-') for value in self.all('ReadWritePaths')
        ]

    def all(self, wanted: str) -> list[str]:
        return [value for name, value in self.lines if name == wanted]

    def may_write(self, path: str) -> bool:
        return any(f'{path}/'.startswith(f'{w}/') for w in self.writable)


class UnitsTest(unittest.TestCase):
    conductor: typing.ClassVar[Unit]
    api: typing.ClassVar[Unit]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.conductor, cls.api = Unit('conductor'), Unit('api')

    def test_they_write_to_no_folder_of_each_other(self) -> None:
        for path in self.conductor.writable:
            self.assertFalse(self.api.may_write(path), path)
        for path in self.api.writable:
            self.assertFalse(self.conductor.may_write(path), path)

    def test_the_table_has_what_each_may_write_to(self) -> None:
        _, *rows = re.findall(ROW, page(SPLIT))
        self.assertGreater(len(rows), 3)
        for what, *columns in rows:
            group, option = re.findall(r'\[(\w+)\] (\w+)', what)[0]
            variable = f'OS_{group}__{option}'.upper()
            for unit, column in zip(
                (self.conductor, self.api), columns, strict=True
            ):
                path = column.strip('`')
                self.assertTrue(unit.may_write(path), (what, path))
                self.assertEqual(
                    path if 'set by' in what else None,
                    unit.environment.get(variable),
                )

    def test_what_recipes_write_to(self) -> None:
        for name in PAGES:
            text = page(name)
            found = {
                *re.findall(rf'^ +(?:{WRITTEN}) = (/\S+)', text, re.M),
                *re.findall(r'/(?:run|var/\w+)/secretstore[\w./-]*', text),
            }
            self.assertTrue(found or name == 'admin/messages.rst')
            for path in found:
                self.assertTrue(
                    self.conductor.may_write(path) or self.api.may_write(path),
                    (name, path),
                )

    def test_files_of_recipes_are_handed_over(self) -> None:
        """Those of root, which these processes cannot read themselves."""
        text = page(SPLIT)
        found = set(re.findall(r'^ +(\w+_file) = (/etc/\S+)', text, re.M))
        self.assertEqual(4, len(found), found)
        for option, path in found:
            for unit in (self.conductor, self.api):
                variable = f'OS_RPC__{option.upper()}'
                name = unit.environment[variable].removeprefix('%d/')
                self.assertEqual(path, unit.credentials.get(name))
        given = self.api.environment['SECRETSTORE_CONFIG_FILES']
        path = self.api.credentials[given.removeprefix('%d/')]
        self.assertIn(f'in ``{path}``', text)

    def test_the_api_may_use_the_socket(self) -> None:
        """A socket is open to the group of who made it."""
        (url,) = re.findall(r'http\+unix://(/\S+)', page(SPLIT))
        self.assertIn(f'listen = {url}\n', page(SPLIT))
        self.assertTrue(self.conductor.may_write(url))
        self.assertEqual(
            self.conductor.all('Group'), self.api.all('SupplementaryGroups')
        )

    def test_owners_are_there_before_what_they_own(self) -> None:
        text = page(SPLIT)
        (owner,) = self.conductor.all('User')
        made = [
            rf'useradd .*--user-group .* {owner}\n',
            rf'install -d -o {owner} .*-m 0755 /etc/secretstore\n',
            rf'-o {owner} .*-m 0700 /etc/secretstore/crypt_keys\n',
            rf'-o {owner} .*\n +/etc/secretstore/conductor\.conf\n',
            rf'runuser -u {owner} -- secretstore-manage .*\n.* db upgrade',
            rf'runuser -u {owner} -- .*\n.* rpc create-seal-key',
        ]
        places = [text.index(re.findall(each, text)[0]) for each in made]
        self.assertEqual(sorted(places), places)
        for unit, file in (
            (self.conductor, 'conductor.conf'),
            (self.api, 'uwsgi.ini'),
        ):
            self.assertTrue(unit.command.endswith(f'=/etc/secretstore/{file}'))
