# SPDX-License-Identifier: Apache-2.0
import os

from secretstore.tests.unit.cmd.base import CommandTest

# Starts as a program does, and asks for one report.
_REPORT = """
import os, signal, sys, time
from pathlib import Path
from secretstore.cmd import observability, service
conf = service.load_config()
observability.start(conf, 'name', signals=sys.argv[1] == 'signal')
if sys.argv[1] == 'signal':
    os.kill(os.getpid(), signal.SIGUSR2)
else:
    deadline = time.monotonic() + 20
    trigger = Path(sys.argv[1])
    assert trigger.stat().st_mode & 0o777 == 0o640
    while not list(trigger.parent.glob('name-*')):
        assert time.monotonic() < deadline
        os.utime(trigger, (time.time() + 5,) * 2)
        time.sleep(0.1)
print('eventlet' in sys.modules)
"""


class ObservabilityTest(CommandTest):
    def configured(self, *lines: str) -> None:
        text = '\n'.join([self.file.read_text(), *lines, ''])
        self.file.write_text(text)

    def test_a_report_upon_a_signal(self) -> None:
        self.configured(
            '[keystone_notifications]',
            'transport_url = rabbit://user:hidden@h/',
        )
        done = self.run_python(_REPORT, 'signal')
        self.assert_ends(0, done, 'Guru Meditation', 'crypt_key_dir')
        self.assertEqual('False\n', done.stdout)
        self.assertIn('transport_url = ***', done.stderr)
        self.assertNotIn('hidden', done.stderr)

    def test_a_report_upon_a_change(self) -> None:
        trigger = self.folder / 'trigger'
        self.configured(
            '[oslo_reports]',
            f'file_event_handler = {trigger}',
            f'log_dir = {self.folder}',
        )
        done = self.run_python(_REPORT, str(trigger))
        self.assert_ends(0, done)
        (report,) = self.folder.glob('name-*_gurumeditation_*')
        self.assertIn('crypt_key_dir', report.read_text())

    def test_a_file_that_cannot_be_watched(self) -> None:
        self.configured('[oslo_reports]', 'file_event_handler = /none/trigger')
        self.assert_ends(0, self.run_command('manage', 'db', 'upgrade'))
        done = self.run_python('import secretstore.wsgi.api')
        self.assertEqual(22, done.returncode)
        self.assertIn(
            'secretstore: [oslo_reports] file_event_handler: /none/trigger: '
            'No such file or directory',
            done.stderr,
        )

    def test_metrics_that_cannot_be_shown(self) -> None:
        self.configured(
            '[metrics]', 'listen = 127.0.0.1:9', f'directory = {os.devnull}'
        )
        done = self.run_python('import secretstore.wsgi.api')
        self.assertEqual(22, done.returncode)
        self.assertIn('secretstore: [metrics] listen, directory', done.stderr)
