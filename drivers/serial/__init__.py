"""Pumps on a serial line: the line, the vendors' profiles, the driver."""
