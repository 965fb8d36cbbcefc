"""What callbacks show in a terminal or a notebook."""
