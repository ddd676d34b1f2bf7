"""Asking a customer something and reading what comes back: what `ask` and `form` share."""
