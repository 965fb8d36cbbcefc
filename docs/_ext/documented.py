"""Writes the pages of the API reference, one a room, and refuses names without a docstring.

What is public is what the rooms' ``__all__`` say. The pages are made of the docstrings at every
build, and are not kept.
"""

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.util import logging

import callbax

LOGGER = logging.getLogger(__name__)
SERVING = "keras_training"
"""A room whose import changes Keras: it is told of, not imported."""
ELSEWHERE = ("Input", "Model", "Sequential", "__version__")
"""Names of the root that are told of in their rooms."""


def write_pages(app: Sphinx) -> None:
    """Writes ``api/*.rst``."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    rooms = [name for _, name, _ in pkgutil.iter_modules(callbax.__path__) if name[0] != "_"]
    pages = {room: _page(f"callbax.{room}") for room in rooms if room not in ("keras", SERVING)}
    pages["schedules"] = _page("callbax.optimizers.schedules")
    pages["callbax"] = _root(rooms)
    pages["keras"] = _facade()
    pages[SERVING] = _served()
    pages["index"] = _index(pages)
    for name, text in pages.items():
        _write(folder / f"{name}.rst", text)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _index(pages: dict[str, str]) -> str:
    listed = "\n".join(
        f"   {name}" for name in sorted(pages, key=lambda name: (name != "callbax", name))
    )
    return _title("API reference") + (
        "Every public name, from its docstring. The examples are run by the tests. If Keras has\n"
        'the thing, arguments, order and defaults are Keras\'s; a line "Differs from Keras" says\n'
        "what is not.\n\n"
        f".. toctree::\n   :maxdepth: 1\n\n{listed}\n"
    )


def _page(module_name: str) -> str:
    module = importlib.import_module(module_name)
    text = (
        _title(module_name) + f".. automodule:: {module_name}\n   :no-members:\n   :no-index:\n\n"
    )
    return text + "".join(_entry(module, name) for name in module.__all__)


def _root(rooms: list[str]) -> str:
    text = _title("callbax") + ".. automodule:: callbax\n   :no-members:\n   :no-index:\n\n"
    text += "* ``__version__``: the version that is installed\n"
    text += "* ``Model``, ``Sequential``: :doc:`models`\n* ``Input``: :doc:`layers`\n\n"
    text += "The functions of TensorFlow's that scripts around Keras use:\n\n"
    others = [name for name in callbax.__all__ if name not in (*rooms, *ELSEWHERE)]
    return text + "".join(_entry(callbax, name) for name in others)


def _facade() -> str:
    rooms = [
        name for name in callbax.keras.__all__ if inspect.ismodule(getattr(callbax.keras, name))
    ]
    listed = "\n".join(f"* ``callbax.keras.{name}``: :doc:`{name}`" for name in rooms)
    return _title("callbax.keras") + (
        ".. automodule:: callbax.keras\n   :no-members:\n   :no-index:\n\n"
        f"{listed}\n\nWhich names are callbax's own, and which Keras's: :doc:`../names`.\n"
    )


def _served() -> str:
    return _title(f"callbax.{SERVING}") + f".. automodule:: callbax.{SERVING}\n   :members:\n"


def _entry(module: ModuleType, name: str) -> str:
    found, path = getattr(module, name), f"{module.__name__}.{name}"
    if inspect.ismodule(found):
        if not hasattr(found, "load_data"):
            return ""  # it has a page
        text = f"{name}\n{'-' * len(name)}\n\n.. automodule:: {path}\n   :no-index:\n\n"
        return text + f".. autofunction:: {path}.load_data\n\n"
    if not callable(found) or (inspect.isclass(found) and found.__module__.startswith("jax")):
        return f"* ``{path}``\n\n"
    if not inspect.getdoc(found):
        LOGGER.warning("%s is public and has no docstring", path)
    names = [other for other in module.__all__ if getattr(module, other) is found]
    first = found.__name__ if found.__name__ in names else names[0]
    if name != first:
        return f"* ``{path}``: another name of ``{first}``\n\n"
    if not inspect.isclass(found):
        return f".. autofunction:: {path}\n\n"
    return f".. autoclass:: {path}\n{_members(found)}\n"


def _members(found: type) -> str:
    """Says which members are shown: those that its bases do not have."""
    bases = [base for base in found.__mro__[1:] if base.__module__.startswith("callbax")]
    known = {name for base in bases for name in vars(base)}
    own = [name for name in vars(found) if name[0] != "_" and name not in known]
    own = [name for name in own if not inspect.isclass(vars(found)[name])]
    # Scikit-learn adds methods to estimators, with links into its own pages.
    own = [name for name in own if not type(vars(found)[name]).__module__.startswith("sklearn.")]
    return f"   :members: {', '.join(own)}\n" if own else ""


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Lets Sphinx call this."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
