"""Decisions without I/O: state, events, addresses, lifecycle, planning and scheduling."""
