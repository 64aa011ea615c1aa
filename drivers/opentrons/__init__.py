"""The Opentrons OT-2 over its HTTP server."""
