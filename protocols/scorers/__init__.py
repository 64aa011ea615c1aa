"""Scorers: what derives the value of a well from its reading, one file each.

Entry points announce them.
"""
