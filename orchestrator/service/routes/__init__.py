"""What the API answers: one router for each kind of thing."""
