# SPDX-License-Identifier: Apache-2.0
"""How much may belong to one object, whoever adds it.

Quotas count what a project has. These keep a list of objects, which tells
all that belongs to each, from growing without end; and keys by name, which no
quota counts.
"""

from oslo_config import cfg


def _opt(name: str, what: str, default: int = 1000) -> cfg.Opt:
    return cfg.IntOpt(
        name,
        default=default,
        min=1,
        help=f"""
Most {what}.  What there is beyond a limit that was lowered stays.
""",
    )


OPTS: list[cfg.Opt] = [
    _opt(
        'consumers_per_object',
        'consumers of one secret or one container, of all projects together',
    ),
    _opt(
        'members_per_container',
        'secrets in one container; one under several names counts as several',
    ),
    _opt('metadata_per_secret', 'pairs of metadata that one secret may have'),
    _opt('users_per_acl', 'users that one access list may name'),
    _opt(
        'named_keys_per_project',
        'backups of one project, and most replication users, that may have a '
        'key; those that have one get it nevertheless',
        default=10_000,
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, group='limits')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('limits', OPTS)]
