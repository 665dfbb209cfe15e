# SPDX-License-Identifier: Apache-2.0
"""A configuration and an embedded conductor in a folder of its own."""

from pathlib import Path
import shutil
import tempfile
from typing import Any, ClassVar
import unittest

from oslo_config import cfg

from secretstore import conf as options
from secretstore.conductor import service
from secretstore.conductor.background import Background
from secretstore.context import RequestContext
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.rpc.interface import Conductor, NewSecret, SecretQuery

PROJECT = 'a' * 32
OTHER_PROJECT = 'b' * 32
USER = 'c' * 32
OTHER_USER = 'd' * 32


def make_conf(
    folder: Path, text: str = '', **overrides: Any
) -> cfg.ConfigOpts:
    """Options for a service in *folder*; overrides are group__name=value.

    :param text: a configuration file, for options registered later
    """
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    files = []
    if text:
        file = folder / 'secretstore.conf'
        file.write_text(text)
        files.append(str(file))
    conf([], project='secretstore', default_config_files=files)
    settings = {
        'auth_strategy': 'noauth',
        'proprietary__crypt_key_dir': str(folder / 'keys'),
        'database__connection': f'sqlite:///{folder}/secretstore.db',
    }
    for name, value in (settings | overrides).items():
        group, _, option = name.rpartition('__')
        conf.set_override(option, value, group or None)
    return conf


def context(*roles: str, **fields: Any) -> RequestContext:
    """A caller with these roles; USER in PROJECT unless told otherwise."""
    return RequestContext(
        **{
            'user_id': USER,
            'project_id': PROJECT,
            'roles': list(roles or ('member', 'reader')),
            'overwrite': False,
        }
        | fields
    )


def new_secret(**fields: Any) -> NewSecret:
    secret: NewSecret = {
        'name': None,
        'secret_type': 'opaque',
        'algorithm': None,
        'bit_length': None,
        'mode': None,
        'expiration': None,
        'content_type': None,
        'payload': None,
    }
    secret.update(fields)  # type: ignore[typeddict-item]
    return secret


def text_secret(payload: bytes = b'the payload') -> NewSecret:
    return new_secret(content_type='text/plain', payload=payload)


def query(**fields: Any) -> SecretQuery:
    asked: SecretQuery = {
        'name': None,
        'algorithm': None,
        'mode': None,
        'bit_length': None,
        'secret_type': None,
        'created': [],
        'updated': [],
        'expiration': [],
        'sort': [],
        'limit': 10,
        'offset': 0,
        'marker': None,
        'acl_only': False,
    }
    asked.update(fields)  # type: ignore[typeddict-item]
    return asked


class ConductorTest(unittest.TestCase):
    """One conductor per class, on SQLite and key files.

    What it does by itself is not started.
    """

    overrides: ClassVar[dict[str, Any]] = {}
    # A file, for options that others register later.
    configuration: ClassVar[str] = ''
    folder: ClassVar[Path]
    conf: ClassVar[cfg.ConfigOpts]
    database: ClassVar[Database]
    conductor: ClassVar[Conductor]
    background: ClassVar[Background]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.conf = make_conf(cls.folder, cls.configuration, **cls.overrides)
        cls.database = Database.from_conf(cls.conf)
        cls.addClassCleanup(cls.database.dispose)
        migration.upgrade(cls.database)
        embedded = service.build(cls.conf)
        cls.conductor = cls.reached(embedded.conductor)
        cls.background = embedded.background

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        """The conductor as the tests are to reach it."""
        return conductor
