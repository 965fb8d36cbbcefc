"""`make engines` runs these, in an environment that has Ray."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("ray") else ["test_*.py"]
