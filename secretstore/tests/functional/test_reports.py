# SPDX-License-Identifier: Apache-2.0
"""Reports of processes that run, and what is not in them."""

import contextlib
import os
import pathlib
import secrets
import threading
import typing
import uuid

from secretstore.tests.functional import base, clients, needles
from secretstore.tests.functional.services import own, process, system, web

SECTIONS = ('Package', 'Threads', 'Processes', 'Configuration')
# On the stack of each thread that works beside requests.
BESIDE = 'conductor/background.py'


class ReportsTest(base.FunctionalTest):
    def options(self, folder: pathlib.Path) -> dict[str, typing.Any]:
        return {
            'file_event_handler': folder / 'report',
            'log_dir': folder,
        }

    def reports(self, folder: pathlib.Path, count: int) -> list[str]:
        """What is written when the file is touched, by so many processes."""
        found: dict[str, str] = {}

        def all_written() -> bool:
            # Again for those that began to look later than others.
            os.utime(folder / 'report', None)
            for file in folder.glob('*_gurumeditation_*'):
                text = file.read_text()
                # Groups come in order, and are written at once.  A process
                # that still begins has nothing that works beside requests.
                if '\ntransport_keys: ' in text and BESIDE in text:
                    found[file.name.partition('_')[0]] = text
            return len(found) == count

        system.wait_for('reports', all_written, 60)
        return list(found.values())

    def assert_good(self, report: str, marks: needles.Needles) -> None:
        for section in SECTIONS:
            self.assertIn(f'  {section}  ', report)
        self.assertIn('crypt_key_dir', report)
        self.assertEqual([], marks.found_in(report, 'the report'))

    def store(
        self, url: str, headers: dict[str, str], marks: needles.Needles
    ) -> None:
        body = {
            'payload': marks.text('payload'),
            'payload_content_type': 'text/plain',
        }
        answer = web.call('POST', f'{url}/v1/secrets', body, headers)
        self.assertEqual(201, answer.status)

    def keep_asking(
        self, url: str, headers: dict[str, str], marks: needles.Needles
    ) -> None:
        """Payloads are in memory, and on stacks, while reports are made."""
        over = threading.Event()

        def ask() -> None:
            # The server may end before its test does.
            with contextlib.suppress(OSError):
                while not over.is_set():
                    self.store(url, headers, marks)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
        self.addCleanup(over.set)


class TestUwsgi(ReportsTest):
    def test_of_each_process(self) -> None:
        marks = needles.Needles()
        password = secrets.token_hex(16)
        marks.add('password', password)
        folder = process.new_folder('reports')
        server = own.SecretStore(
            f'sqlite:///{folder}/secretstore.db',
            {
                'oslo_reports': self.options(folder),
                'keystone_notifications': {
                    'transport_url': f'rabbit://user:{password}@127.0.0.1/'
                },
            },
            processes=2,
        )
        with server:
            headers = {'X-Project-Id': uuid.uuid4().hex}
            self.store(server.url, headers, marks)
            (key,) = server.key_folder.iterdir()
            needles.add_master_key(marks, key)
            self.keep_asking(server.url, headers, marks)
            found = self.reports(folder, 2)
            self.doCleanups()
        for report in found:
            self.assert_good(report, marks)
            self.assertIn('transport_url = ***', report)


class TestStandalone(ReportsTest):
    def test_standalone(self) -> None:
        marks = needles.Needles()
        server = own.Standalone()
        with server:
            pass
        folder = server.state_folder
        config = folder / 'secretstore.conf'
        lines = [f'{k} = {v}' for k, v in self.options(folder).items()]
        config.write_text(
            '\n'.join([config.read_text(), '[oslo_reports]', *lines, ''])
        )
        user, password = clients.login(server)
        marks.add('password', password)
        (key,) = (folder / 'keys').iterdir()
        needles.add_master_key(marks, key)
        with server:
            headers = clients.basic_auth(server)
            self.store(server.url, headers, marks)
            (report,) = self.reports(folder, 1)
        self.assert_good(report, marks)
