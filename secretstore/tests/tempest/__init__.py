# SPDX-License-Identifier: Apache-2.0
"""The Tempest plugin of Barbican, run against an endpoint."""
