# SPDX-License-Identifier: Apache-2.0
"""Executables, one module each; only they use ``cfg.CONF``."""
