"""What can be done with the data: plain functions that take a connection and never commit."""
