"""The journal: the only package that opens the database."""
