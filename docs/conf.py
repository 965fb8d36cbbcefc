"""How Sphinx makes the site of the pages in this folder; see `make docs`."""

import hashlib
import os
import sys
from pathlib import Path

# Before Keras or JAX is imported, here, in notebooks and in the pages' blocks.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import callbax

project = "callbax"
author = "The callbax maintainers"
copyright = author
version = release = callbax.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_design",
    "borrowed",
    "code_blocks",
    "documented",
    "korean_search",
    "repository_links",
]
exclude_patterns = ["_build", "names.py"]
suppress_warnings: list[str] = []

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# What the code printed counts for this code alone.
sources = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))
code_digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parents[1] / "out" / "notebooks" / code_digest)
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 240
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
nitpick_ignore_regex = [("py:class", r"collections\..*")]
default_role = "code"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "callbax"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
html_show_sphinx = False
html_copy_source = False
