# SPDX-License-Identifier: Apache-2.0
"""JSON over HTTP/1.1, between processes that keep their connections."""
