"""The service: HTTP API, live events and dashboard over one journal, and a supervisor."""
