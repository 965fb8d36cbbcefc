"""Kinds of modules, each seen as pure functions: one file a kind."""
