"""Opens what `make docs` has built in a browser: pages, pictures, search in both languages.

``python -m tests.docs.look_at_site out/site out/screenshots`` fails if one of these is not as it
should be, and leaves pictures of them. Without Chromium it says so and looks at the files alone.
"""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tests.callbacks.browser import CHROMIUM
from tests.callbacks.browser import FLAGS as COMMON

FLAGS = (*COMMON, "--window-size=1280,1600", "--virtual-time-budget=8000")
PATIENCE = 90
PAGES = {
    "index": ("training experience on JAX", "How the timeline works"),
    "index.ko": ("한국어 안내", "시간 여행"),
    "getting_started.ko": ("시작하기", "EarlyStopping"),
    "from_keras": ("A callback for every batch, and speed", "assert count.batches == 8"),
    "timeline": ("How the timeline works", "timeline_read.svg"),
    "notebooks/first_callback": ("test accuracy 0.", "stopped at batch"),
    "notebooks/keras_cnn.ko": ("served by callbax: 1 fit, 1 evaluate", "unload_ext"),
    "notebooks/find_a_nan": ("first not finite after", "loss of the branch"),
    "notebooks/two_devices": ("largest difference of a weight", "(32, 64) of (64, 64)"),
    "api/callbacks": ("EarlyStopping", "restore_best_weights"),
    "benchmarks": ("Keras-on-JAX / callbax", "lowest to highest"),
    "changelog": ("0.1.0",),
}
"""Page -> what a reader has to find on it."""
SEARCHES = {
    "timeline": "How the timeline works",
    "EarlyStopping": "callbax.callbacks",
    "콜백": "콜백 직접 만들기",
    "학습": "시작하기",
    "노트북": "callbax 한국어 안내",
    "가중치를": "콜백 직접 만들기",
}
"""What is searched for -> the title of a page that has to be among what is found."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and notes which were missing."""

    missing: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Keeps what could not be found, and prints nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Notes the path."""
        self.missing.append(self.path)
        super().send_error(code, message, explain)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Yields the address at which the site is to be found meanwhile."""
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def browse(address: str, screenshot: Path) -> str:
    """Returns the page as the browser has it after its scripts have run, and leaves a picture."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for what in ([f"--screenshot={screenshot}"], ["--dump-dom"]):
            command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *what, address]
            done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return done.stdout.decode()


def text_of(page: str) -> str:
    """Returns what stands in a page, without most of its markup; sources of pictures stay."""
    sources = " ".join(re.findall(r'src="([^"]*)"', page))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)) + sources


def look(site: Path, screenshots: Path) -> list[str]:
    """Returns what is wrong."""
    wrong = []
    with served(site) as address:
        for name, words in PAGES.items():
            dom = browse(f"{address}/{name}.html", screenshots / f"{name.replace('/', '-')}.png")
            wrong += [f"{name} lacks {word!r}" for word in words if word not in text_of(dom)]
        for query, title in SEARCHES.items():
            asked = f"{address}/search.html?q={urllib.parse.quote(query)}"
            dom = browse(asked, screenshots / f"search-{query}.png")
            found = re.findall(
                r"<li[^>]*><a href=[^>]*>(.*?)</a>", dom.partition("search-results")[2]
            )
            titles = [text_of(each) for each in found]
            if not any(title in each for each in titles):
                wrong.append(f"a search for {query!r} finds {titles}, not {title!r}")
    missing = [path for path in Quiet.missing if "favicon" not in path]
    return wrong + [f"the site lacks {path}" for path in sorted(set(missing))]


def main() -> None:
    site, screenshots = (Path(each).resolve() for each in sys.argv[1:])
    absent = [name for name in PAGES if not (site / f"{name}.html").is_file()]
    if absent:
        sys.exit(f"{site} lacks {absent}")
    if CHROMIUM is None:
        print("no browser, so that no page was looked at: install Debian's chromium")
        return
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir(parents=True)
    wrong = look(site, screenshots)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(PAGES)} pages and {len(SEARCHES)} searches looked at; see {screenshots}")


if __name__ == "__main__":
    main()
