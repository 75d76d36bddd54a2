"""Operators, one a file, behind the lazy :mod:`.ai_endpoints`."""
