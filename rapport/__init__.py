"""Conversation flows in YAML, with a CRM in them."""

__version__ = "0.1.0"
