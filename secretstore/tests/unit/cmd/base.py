# SPDX-License-Identifier: Apache-2.0
"""Commands, each run as a process of its own."""

import os
from pathlib import Path
import subprocess
import sys
import tempfile
import unittest

import secretstore

_MAIN = 'import sys; from secretstore.cmd.{} import main; sys.exit(main())'


class CommandTest(unittest.TestCase):
    """Commands whose configuration is in a folder of this test."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.configure()

    def configure(self, connection: str = '', name: str = 'a.conf') -> Path:
        file = self.folder / name
        connection = connection or f'sqlite:///{self.folder}/secretstore.db'
        file.write_text(
            '[DEFAULT]\nauth_strategy = noauth\n'
            f'[database]\nconnection = {connection}\n'
            f'[proprietary]\ncrypt_key_dir = {self.folder}/keys\n'
        )
        return file

    def run_python(
        self,
        code: str,
        *arguments: str,
        files: str | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code; *files* is SECRETSTORE_CONFIG_FILES."""
        root = str(Path(secretstore.__file__).parents[1])
        environment = os.environ | {
            'HOME': str(self.folder),
            'PYTHONPATH': root,
            'PYTHONWARNINGS': 'ignore',
            'SECRETSTORE_CONFIG_FILES': str(self.file)
            if files is None
            else files,
        }
        return subprocess.run(
            [sys.executable, '-c', code, *arguments],
            cwd=self.folder,
            env=environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run_command(
        self,
        module: str,
        *arguments: str,
        files: str | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.CompletedProcess[str]:
        return self.run_python(
            _MAIN.format(module), *arguments, files=files, stdin=stdin
        )

    def assert_ends(
        self,
        status: int,
        done: subprocess.CompletedProcess[str],
        *words: str,
    ) -> None:
        output = done.stdout + done.stderr
        self.assertEqual(status, done.returncode, output)
        self.assertNotIn('Traceback', output)
        for word in words:
            self.assertIn(word, output)
