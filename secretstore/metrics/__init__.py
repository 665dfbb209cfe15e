# SPDX-License-Identifier: Apache-2.0
"""What the service counts, for Prometheus.

``record`` is what the rest of the service calls; ``start`` turns it on.
"""
