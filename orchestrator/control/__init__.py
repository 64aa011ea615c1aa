"""What an operator may do: one class an act, checked and written in one transaction."""
