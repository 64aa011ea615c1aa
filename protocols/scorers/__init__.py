"""Scorers: from a reading to the value of a well, one file each.

They are announced as entry points.
"""
