# SPDX-License-Identifier: Apache-2.0
"""Starts that must end at once, with one line for the operator."""

import os
import subprocess
import typing
import unittest

from secretstore.tests.functional.services import process, system

PREFIX = 'secretstore: '


def of(
    test: unittest.TestCase,
    server: process.Server,
    before: typing.Sequence[str] = (),
    prefix: str = PREFIX,
) -> str:
    """What a server that does not start says to its operator.

    Fails unless it ends with an error and one line, without a traceback.

    :param before: a command to run the server with
    :param prefix: what its line begins with
    """
    with subprocess.Popen(
        [*before, *server.command()],
        env=server.env(),
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            output, error = running.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, 9)
            output, error = running.communicate()
            test.fail(f'it started, or hangs:\n{output}\n{error}')
    test.assertNotEqual(0, running.returncode, error)
    test.assertNotIn('Traceback', output + error)
    lines = [line for line in error.splitlines() if line.startswith(prefix)]
    test.assertEqual(1, len(lines), error)
    return lines[0].removeprefix(prefix)


def without_root_powers() -> list[str]:
    """A command that has root obey the permissions of files."""
    if os.getuid():
        return []
    setpriv = system.find('setpriv', 'util-linux')
    return [setpriv, '--bounding-set=-dac_override,-dac_read_search']
