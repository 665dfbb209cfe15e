# SPDX-License-Identifier: Apache-2.0
"""The version of the installed package, as pbr derived it from git."""

from pbr import version

# A header of the version document, by which the service knows itself: the
# document is as Barbican's.
IMPLEMENTATION_HEADER = 'X-Key-Manager-Implementation'
IMPLEMENTATION = 'secretstore'

version_info = version.VersionInfo('secretstore')


def version_string() -> str:
    """``1.2.3``, or ``1.2.4.dev5`` between releases."""
    return str(version_info.version_string())
