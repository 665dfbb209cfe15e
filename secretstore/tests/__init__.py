# SPDX-License-Identifier: Apache-2.0
from oslo_service import backend

# oslo_messaging selects eventlet for the process that imports it first.
backend.init_backend(backend.BackendType.THREADING)
