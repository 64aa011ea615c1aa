"""The service: HTTP API, live events and dashboard over one journal, and the thread that carries campaigns on."""
