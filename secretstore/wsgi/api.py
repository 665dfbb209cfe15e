# SPDX-License-Identifier: Apache-2.0
"""The REST API with an embedded conductor, for any WSGI server.

``application`` is built on import, as WSGI servers expect; a mistake in the
configuration ends the process with one line on standard error.
Configuration files are those of ``SECRETSTORE_CONFIG_FILES`` (separated as
in ``PATH``), else ``~/.secretstore/secretstore.conf`` and
``/etc/secretstore/secretstore.conf``.
"""

from secretstore.cmd import service

application = service.wsgi_application()
