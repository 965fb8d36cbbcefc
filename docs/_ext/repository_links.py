"""Makes links of pages to files of the repository outside `docs/` lead to the repository.

The pages are read there too, so their links are relative. A file that is not there is an error.
"""

import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class LinksToTheRepository(SphinxTransform):
    """Replaces references to files that are no pages."""

    default_priority = 5

    def apply(self, **kwargs: object) -> None:
        """Looks at every relative link of a page."""
        here = Path(self.env.doc2path(self.env.docname)).parent
        for node in list(self.document.findall(pending_xref)) + list(
            self.document.findall(
                lambda n: isinstance(n, nodes.Element) and n.tagname == "download_reference"
            )
        ):
            target = str(node.get("reftarget", "")).partition("#")[0]
            path = (here / target).resolve()
            if not target or path.is_relative_to(self.env.srcdir) or not target.startswith("../"):
                continue
            if not path.exists() or not path.is_relative_to(ROOT):
                LOGGER.warning("no such file: %s", target, location=node)
                continue
            uri = f"{PROJECT['urls']['Repository']}/blob/main/{path.relative_to(ROOT)}"
            link = nodes.reference("", "", *node.children, refuri=uri, internal=False)
            node.replace_self(link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the transform."""
    app.add_transform(LinksToTheRepository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
