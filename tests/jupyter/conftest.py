"""`make jupyter` runs these, in an environment that has a kernel."""

import importlib.util

NEEDED = ("ipykernel", "nbclient", "matplotlib")
collect_ignore_glob = [] if all(map(importlib.util.find_spec, NEEDED)) else ["test_*.py"]
