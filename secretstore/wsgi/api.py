# SPDX-License-Identifier: Apache-2.0
"""The REST API for any WSGI server.

``[api] conductor`` says whether the conductor is embedded, or processes of
its own that are reached over RPC.

``application`` is built on import, as WSGI servers expect; a mistake in the
configuration ends the process with one line on standard error.
Configuration files are those of ``SECRETSTORE_CONFIG_FILES`` (separated as
in ``PATH``), else ``~/.secretstore/secretstore.conf`` and
``/etc/secretstore/secretstore.conf``.
"""

from secretstore.cmd import service

application = service.wsgi_application()
