"""What is written down: the only room that opens the database."""
