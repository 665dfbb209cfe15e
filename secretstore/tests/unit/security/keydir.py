# SPDX-License-Identifier: Apache-2.0
"""A configuration of its own for each test, with a real key directory."""

import pathlib
import tempfile
import unittest

from oslo_config import cfg

from secretstore.conf import security as options


def configuration(crypt_key_dir: pathlib.Path) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('crypt_key_dir', str(crypt_key_dir), 'proprietary')
    return conf


def temporary_directory(test: unittest.TestCase) -> pathlib.Path:
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)
