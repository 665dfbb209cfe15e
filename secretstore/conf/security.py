# SPDX-License-Identifier: Apache-2.0
"""Who guards the master keys, and how long other keys stay in memory."""

from oslo_config import cfg

DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'security_strategy',
        default='proprietary',
        help="""
Who guards new master keys: the short name of an installed strategy, or the
full path of a class derived from
secretstore.security.workflow.BaseSecurityWorkflow, such as
secretstore.security.proprietary.SecurityWorkflow. Projects may prefer one
of enabled_security_strategies in its place.

The name is stored with each master key that is made under it. Changing it
later does not move existing keys: keep the old name in
enabled_security_strategies for as long as it holds a master key. To move them,
run "secretstore-manage master-key migrate" and then change this option: what
was migrated to comes before what is written here.
""",
    ),
    cfg.ListOpt(
        'enabled_security_strategies',
        default=[],
        help="""
More strategies to start, written as in security_strategy, which is always
enabled and need not be repeated here. Their master keys keep unwrapping what
they wrapped. Each is a secret store of the API beside that of
security_strategy, and guards new keys of the projects that prefer it.
""",
    ),
]

PROPRIETARY_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'crypt_key_dir',
        default='/etc/secretstore/crypt_keys',
        help="""
Directory of the master key files of the "proprietary" strategy, one file per
key. It is made with mode 0700 when the first key is made, and its parent
must exist. The directory and the files must belong to the user the service
runs as, and must be closed to group and others; symbolic links are refused.

Whoever can read this directory and the database can read every secret. All
conductors of one database need the same files. Keep a backup of it, apart
from the backups of the database: without these files nothing can be
decrypted any more.

Key files may also come as systemd credentials named KEY_FILE, such as
LoadCredentialEncrypted=0b6a....key: what is in $CREDENTIALS_DIRECTORY is read
first, and is never written.
""",
    ),
    cfg.StrOpt(
        'backup_password',
        secret=True,
        help="""
The pass phrase that is delivered as the encryption key of every backup that
has none yet while this strategy guards new keys, as Trove's own option was.
Printable ASCII without white space. When it is not set, each backup gets a
random key. What was delivered for a backup once stays its key, whatever this
says later.
""",
    ),
    cfg.StrOpt(
        'replication_password',
        secret=True,
        help="""
The password that is delivered for the replication user of every instance that
has none yet; as backup_password.
""",
    ),
]

CONDUCTOR_OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'key_cache_ttl',
        default=300,
        min=0,
        help="""
Seconds for which an unwrapped project key is kept in the memory of a process
that uses it. While it is kept, its secrets can be used without the database
being asked for the key and without the custodian of the master key, also when
that custodian is away. This is also the longest time for which a process may
go on using a key that another process retired. Before a conductor removes a
key for good it waits for the longest time that any conductor of the database
was ever started with; see "secretstore-manage project-key lower-wait". 0 keeps
nothing: every operation then asks the custodian.
""",
    ),
    cfg.IntOpt(
        'key_cache_size',
        default=10000,
        min=1,
        help="""
Number of project keys to keep in memory at most, in each process. When there
are more, the oldest is dropped. One takes less than 1 KiB.
""",
    ),
    cfg.IntOpt(
        'project_key_max_age',
        default=0,
        min=0,
        max=36500,
        help="""
Days after which a project gets a new key, and its secrets are rewrapped under
it. 0 leaves that to "secretstore-manage project-key rotate".
""",
    ),
    cfg.IntOpt(
        'rewrap_batch_size',
        default=50,
        min=1,
        max=1000,
        help="""
How many project keys a process moves to another master key, or secrets to
another project key, before it pauses. Each project key costs three calls of
the custodians, and a batch is written in one transaction.
""",
    ),
    cfg.FloatOpt(
        'rewrap_batch_interval',
        default=0.5,
        min=0,
        help="""
Seconds between two batches of rewrapping, in each process that has a
conductor. More of it leaves more of the custodian, and of the database, to
requests. Several processes share the work and add up their rates.
""",
    ),
    cfg.IntOpt(
        'rewrap_interval',
        default=10,
        min=1,
        help="""
Seconds from one look for keys that have to be rewrapped, or destroyed, to the
next. So long may it take until a rotation that another process began is
noticed.
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(DEFAULT_OPTS)
    conf.register_opts(PROPRIETARY_OPTS, group='proprietary')
    conf.register_opts(CONDUCTOR_OPTS, group='conductor')


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [
        ('DEFAULT', DEFAULT_OPTS),
        ('proprietary', PROPRIETARY_OPTS),
        ('conductor', CONDUCTOR_OPTS),
    ]
