"""Check that no page of the site is wider than the window: ``python scripts/docs/check_layout.py site``.

Chromium loads each page in frames of several widths and reports pages that would get a horizontal scroll bar.
"""

from __future__ import annotations

import functools
import html
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WIDTHS = (375, 768, 1400)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HARNESS = """<!doctype html><title>…</title><pre id="found"></pre><script>
const pages = PAGES, widths = WIDTHS, found = [];
function load(page, width) {
  return new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${width}px; height: 800px; border: 0`;
    frame.onload = () => setTimeout(() => {
      const root = frame.contentDocument.documentElement;
      if (root.scrollWidth > width) {
        const wide = [...root.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > width + 1);
        found.push({page, width, needs: root.scrollWidth, by: wide.slice(-1).map(e => e.outerHTML.slice(0, 120))[0]});
      }
      frame.remove();
      resolve();
    }, 50);
    frame.src = page;
    document.body.append(frame);
  });
}
(async () => {
  for (const page of pages) await Promise.all(widths.map(width => load(page, width)));
  document.getElementById("found").textContent = JSON.stringify({done: pages.length, found});
})();
</script>"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Server of a site and of the page that loads its pages."""

    harness = ""

    def do_GET(self) -> None:
        if self.path != "/__layout__.html":
            return super().do_GET()
        content = self.harness.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def too_wide(site: Path, browser: str) -> list[dict[str, Any]]:
    """Return the page, the width of its window and the required width, for each page that is too wide."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    harness = HARNESS.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    handler = functools.partial(type("Handler", (_Handler,), {"harness": harness}), directory=str(site))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        tempfile.TemporaryDirectory() as profile,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--window-size=3000,1000", "--virtual-time-budget=600000", "--dump-dom"]
        # Without a network, Chromium waits for hosts that do not answer; the pages only need this one.
        command.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        command.append(f"http://127.0.0.1:{server.server_port}/__layout__.html")
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        server.shutdown()
    report = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.S)
    if report is None:
        raise RuntimeError(f"{browser} loaded no pages:\n{done.stderr[-2000:]}")
    result = json.loads(html.unescape(report[1]))
    if result["done"] != len(pages):
        raise RuntimeError(f"{browser} loaded {result['done']} of {len(pages)} pages")
    return list(result["found"])


def main(arguments: Sequence[str]) -> int:
    """Report pages that are too wide; return 1 if there are any."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if len(arguments) != 1:
        print("usage: check_layout.py SITE", file=sys.stderr)
        return 2
    if browser is None:
        print("The width of the pages is not checked: neither Chromium nor Chrome was found.")
        return 0
    found = too_wide(Path(arguments[0]), browser)
    for each in found:
        print(f"{each['page']} at {each['width']} px needs {each['needs']} px: {each['by']}")
    if not found:
        print(f"all pages fit {', '.join(map(str, WIDTHS))} px")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
