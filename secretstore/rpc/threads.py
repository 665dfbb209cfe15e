# SPDX-License-Identifier: Apache-2.0
"""Libraries of OpenStack that have to be told to use threads."""

import importlib
import sys
from typing import Any


def library(name: str) -> Any:
    """oslo.service's or oslo.messaging's module of this name, on threads.

    They choose eventlet unless they are told otherwise before anything of
    them is imported, and import it in any case, unless it cannot be.
    """
    if 'oslo_service' not in sys.modules:
        sys.modules.setdefault('eventlet', None)  # type: ignore[arg-type]
    backend = importlib.import_module('oslo_service.backend')
    backend.init_backend(backend.BackendType.THREADING)
    return importlib.import_module(name)
