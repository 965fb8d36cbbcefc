"""Chromium, driven through a pipe: what a page says, also inside its components."""

import base64
import json
import os
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1480,1040",
)
PATIENCE = 60
TEXTS = """
function texts(node) {
  if (node.nodeType == 3) return node.data.trim() ? [node.data.trim()] : [];
  if (["STYLE", "SCRIPT", "TEMPLATE"].includes(node.tagName)) return [];
  if (node.nodeType == 1 && getComputedStyle(node).display == "none") return [];
  return [...node.childNodes, ...(node.shadowRoot?.childNodes ?? [])].flatMap(texts);
}
texts(document.documentElement)
"""
"""All texts that are shown, also those that `--dump-dom` leaves out: of components' own trees."""


class Browser:
    """A browser with one page, which ends with the ``with`` block.

    Args:
        profile: Directory of its own.
    """

    def __init__(self, profile):
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        # The browser reads from 3 and writes to 4.
        command = f'exec 3<&{requests} 4>&{answers}; exec "$0" "$@"'
        flags = (*FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank")
        self._process = subprocess.Popen(
            ["bash", "-c", command, CHROMIUM, *flags],
            pass_fds=(requests, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(requests)
        os.close(answers)
        self._left, self._count, self._session = b"", 0, {}

    def __enter__(self):
        (page,) = [
            found
            for found in self._ask("Target.getTargets")["targetInfos"]
            if found["type"] == "page"
        ]
        target = {"targetId": page["targetId"], "flatten": True}
        self._session = {"sessionId": self._ask("Target.attachToTarget", **target)["sessionId"]}
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._requests)
        os.close(self._answers)

    def open(self, address):
        """Goes to a page; from a page that differs in what is after # alone, too."""
        self._ask("Page.navigate", url="about:blank")
        self._ask("Page.navigate", url=address)

    def evaluate(self, expression):
        """Returns the value of an expression of JavaScript."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def wait_for(self, *words):
        """Returns the page's texts as soon as these are among them."""
        end, found = time.monotonic() + PATIENCE, []
        while not set(words) <= set(found):
            assert time.monotonic() < end, f"{words} not in {found}"
            time.sleep(0.2)
            found = self.texts()
        return found

    def texts(self):
        """Returns all that the page says."""
        return self.evaluate(TEXTS) or []

    def picture(self, path):
        """Writes a picture of the page."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot")["data"]))

    def _ask(self, method, **params):
        self._count += 1
        request = {"id": self._count, "method": method, "params": params, **self._session}
        os.write(self._requests, json.dumps(request).encode() + b"\0")
        while True:
            while b"\0" not in self._left:
                chunk = os.read(self._answers, 1 << 16)
                assert chunk, "the browser has ended"
                self._left += chunk
            answer, _, self._left = self._left.partition(b"\0")
            found = json.loads(answer)
            if found.get("id") == self._count:
                assert "error" not in found, found
                return found["result"]
