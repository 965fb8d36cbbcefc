"""Where whole runs are kept: one file a kind of store."""
