"""What others would write by hand for the same work, written as well as we can."""
