"""Customers as files: CSV, Excel and JSON, of any number in the same memory."""
