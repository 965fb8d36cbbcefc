"""What TensorBoard shows of a model's layers: a graph, a table, and names that stay the same."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from callbax._core._naming import snake_case
from callbax.callbacks._model_view import ModelView
from callbax.callbacks.tensorboard._library import part
from callbax.callbacks.tensorboard._summaries import tensor_value


class Layers:
    """The layers of a model, as far as its configuration tells.

    Args:
        model: With ``get_config()`` if plain values describe it; a plain NNX module has none.

    Attributes:
        description: The text from which TensorBoard draws the conceptual graph; None if it cannot.
        graph: The same nodes as an encoded ``GraphDef``, which shows the layers without a click on
            the model's box; None likewise.

    Source: the form of the description is that of ``keras.Model.to_json``.
    """

    def __init__(self, model: ModelView) -> None:
        self.description: bytes | None = None
        self.graph: bytes | None = None
        try:
            config = getattr(model, "get_config")()  # noqa: B009  not every model has it
            text = json.dumps({"class_name": type(model).__name__, "config": config})
            self._found = json.loads(text)
        except Exception:  # Of the user's own classes too, which raise what they like.
            self._found = None
            return
        try:
            convert = part("plugins.graph.keras_util").keras_model_to_graph_def
            nodes = convert(self._found)
        except Exception:  # Of a form that TensorBoard does not know; its page would say so.
            return
        if nodes.node:
            self.description = text.encode()
            self.graph = self._opened(nodes).SerializeToString()

    def names(self) -> dict[str, str]:
        """Returns name -> the one to show, for names that the layers' classes have given.

        Those are numbered through a whole process: a script's second model has ``dense_2`` where
        its first has ``dense``, and no run would lie over another. They are counted within the
        model.
        """
        numbers: dict[str, set[int]] = {}
        for given, name in _named(self._found):
            found = re.fullmatch(rf"{snake_case(given)}(?:_(\d+))?", name)
            if found:
                numbers.setdefault(snake_case(given), set()).add(int(found[1] or 0))
        return {
            _numbered(base, number): _numbered(base, place)
            for base, used in numbers.items()
            for place, number in enumerate(sorted(used))
        }

    def _opened(self, nodes: Any) -> Any:
        """Returns the nodes outside of the model's scope, under the names to show."""
        model, names = self._found["config"].get("name"), self.names()

        def shown(path: str) -> str:
            parts = path.removeprefix(f"{model}/").split("/")
            return "/".join(names.get(name, name) for name in parts)

        for node in nodes.node:
            node.name = shown(node.name)
            node.op = node.attr["keras_class"].s.decode()
            node.input[:] = [shown(path) for path in node.input]
        return nodes


def graph_values(library: Any, model: ModelView, layers: Layers) -> Iterator[Any]:
    """Makes what shows the layers under "Graphs" and under "Text".

    Args:
        library: The package ``tensorboard``.
        model: Its summary is shown, if it has one.
        layers: Its layers.
    """
    if layers.description is not None:
        content = [layers.description]
        yield tensor_value(library, "keras", "graph_keras_model", content, b"1")
    summary = getattr(model, "summary", None)  # A model of the user's own may have none.
    if summary is not None:
        texts: list[str] = []
        summary(line_length=100, print_fn=texts.append)
        code = textwrap.indent("\n".join(texts), "    ")  # Markdown
        yield tensor_value(library, "summary", "text", [code.encode()])


def _named(config: Any) -> Iterator[tuple[str, str]]:
    """Yields class name and name of everything in a configuration that has both."""
    if isinstance(config, Mapping):
        given, own = config.get("class_name"), config.get("config")
        name = own.get("name") if isinstance(own, Mapping) else None
        if isinstance(given, str) and isinstance(name, str):
            yield given, name
        for value in config.values():
            yield from _named(value)
    elif isinstance(config, list):
        for value in config:
            yield from _named(value)


def _numbered(base: str, number: int) -> str:
    return f"{base}_{number}" if number else base
