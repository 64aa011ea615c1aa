"""What is done: search space, protocol, plates and layout, jobs, scoring.

Pure: no I/O, no clock, no database.
"""
