# SPDX-License-Identifier: Apache-2.0
"""Run tests of barbican-tempest-plugin against a key-manager endpoint."""

import csv
import dataclasses
import io
import pathlib
import re
import subprocess
import time
import urllib.parse

from secretstore.tests.functional.services import (
    accounts,
    identity,
    process,
    system,
    uwsgi,
    venvs,
)

EVERYTHING = r'^barbican_tempest_plugin\.tests\.(api|rbac)\.'
_STATUS = {
    'success': 'passed',
    'xfail': 'passed',
    'skip': 'skipped',
}


@dataclasses.dataclass(frozen=True)
class Results:
    """What became of each test, by its name without Tempest's tags.

    A class whose preparation failed or was skipped is in there as
    'setUpClass (NAME)', and its tests are not.
    """

    outcome: dict[str, str]
    log: str
    seconds: float

    def named(self, status: str) -> list[str]:
        return sorted(
            test for test, found in self.outcome.items() if found == status
        )

    @property
    def passed(self) -> list[str]:
        return self.named('passed')

    @property
    def failed(self) -> list[str]:
        return self.named('failed')

    @property
    def skipped(self) -> list[str]:
        return self.named('skipped')


def run(
    keystone: identity.Keystone,
    url: str,
    options: uwsgi.Options,
    pattern: str = EVERYTHING,
    jobs: int = 2,
    seconds: float = 1800,
) -> Results:
    """The results of the tests whose names match a regular expression.

    The endpoint at url has to ask this Keystone about tokens; it is
    registered in a region of its own.

    :param options: for tempest.conf: what the endpoint was set up to do
    """
    programs = venvs.venv('tempest')
    port = urllib.parse.urlsplit(url).port
    region = f'tempest-{port}'
    keystone.register_endpoint(url, region)
    suite = _Suite(programs, pattern, jobs)
    uwsgi.write_options(
        suite.folder / 'tempest.conf',
        uwsgi.merge(_options(keystone, region, suite.folder), options),
    )
    system.say(f'running Tempest tests against {url}')
    began = time.monotonic()
    suite.finish(seconds)
    outcome = suite.outcome()
    if not outcome:
        raise system.Error(f'no results:\n{suite.log_text()[-3000:]}')
    took = time.monotonic() - began
    system.say(f'{len(outcome)} Tempest tests took {took:.0f} s')
    return Results(outcome, suite.log_text(), took)


class _Suite(process.Server):
    """A run of stestr; a server only in that it is watched like one."""

    name = 'tempest'

    def __init__(
        self, programs: pathlib.Path, pattern: str, jobs: int
    ) -> None:
        super().__init__()
        self._programs = programs
        self._pattern = pattern
        self._jobs = jobs

    def env(self) -> dict[str, str]:
        env = system.environment(
            TEMPEST_CONFIG_DIR=str(self.folder), TEMPEST_CONFIG='tempest.conf'
        )
        # stestr starts the python that comes first.
        return {**env, 'PATH': f'{self._programs}:{env["PATH"]}'}

    def command(self) -> list[str]:
        find = 'import tempest; print(tempest.__path__[0])'
        python = str(self._programs / 'python')
        package = pathlib.Path(system.run([python, '-c', find]).strip())
        return [
            str(self._programs / 'stestr'),
            # Tempest's own discovery loads the tests of installed plugins.
            f'--test-path={package / "test_discover"}',
            f'--top-dir={package.parent}',
            'run',
            f'--concurrency={self._jobs}',
            self._pattern,
        ]

    def ready(self) -> bool:
        return True

    def finish(self, seconds: float) -> None:
        """Run to the end, or for so many seconds."""
        self.launch()
        try:
            system.wait_for('tempest', lambda: not self.running, seconds)
        finally:
            self.kill()

    def outcome(self) -> dict[str, str]:
        """What became of each test of the last run."""
        stream = self._filter(['stestr', 'last', '--subunit'], b'')
        table = self._filter(['subunit2csv', '--no-passthrough'], stream)
        rows = csv.DictReader(io.StringIO(table.decode()))
        return {
            re.sub(r'\[.*\]$', '', row['test']): _STATUS.get(
                row['status'], 'failed'
            )
            for row in rows
        }

    def _filter(self, words: list[str], text: bytes) -> bytes:
        """What a program makes of its input, whatever its exit status."""
        program = str(self._programs / words[0])
        done = subprocess.run(
            [program, *words[1:]],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.env(),
            cwd=self.folder,
            timeout=120,
        )
        return done.stdout


def _options(
    keystone: identity.Keystone, region: str, folder: pathlib.Path
) -> uwsgi.Options:
    absent = ('nova', 'neutron', 'glance', 'cinder', 'swift')
    return {
        'DEFAULT': {'log_dir': folder, 'log_file': 'tempest.log'},
        'oslo_concurrency': {'lock_path': folder / 'lock'},
        'auth': {
            'admin_username': accounts.ADMIN.user,
            'admin_password': accounts.ADMIN.password,
            'admin_project_name': accounts.ADMIN.project,
            'admin_domain_name': 'Default',
            'use_dynamic_credentials': True,
            'create_isolated_networks': False,
        },
        'identity': {
            'uri_v3': keystone.auth_url,
            'auth_version': 'v3',
            'region': identity.REGION,
            'v3_endpoint_type': 'public',
        },
        'service_available': {
            'barbican': True,
            **dict.fromkeys(absent, False),
        },
        'key_manager': {
            'min_microversion': '1.0',
            'max_microversion': 'latest',
            'region': region,
        },
    }
