# SPDX-License-Identifier: Apache-2.0
"""The WSGI application, and what the process that serves it has imported.

``GET /modules`` answers with the names of all modules of that process.
"""

from collections.abc import Iterable
import json
import sys
import typing

from secretstore.wsgi import api

if typing.TYPE_CHECKING:
    from wsgiref.types import StartResponse


def application(
    environ: dict[str, typing.Any], start_response: 'StartResponse'
) -> Iterable[bytes]:
    if environ['PATH_INFO'] != '/modules':
        return api.application(environ, start_response)
    names = [name for name, module in sys.modules.items() if module]
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(sorted(names)).encode()]
