"""Run a command with a screen: the one that is there, or on Linux a virtual one.

python scripts/with_display.py pytest
"""

import os
import shutil
import subprocess
import sys

SCREEN = "-screen 0 1400x900x24"


def main(command: list[str]) -> int:
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        if shutil.which("xvfb-run") is None:
            print(
                "There is no screen and no xvfb-run to make one: run scripts/install-system-packages first,\n"
                "or leave the tests that open windows out: pytest --ignore=tests/_napari",
                file=sys.stderr,
            )
            return 1
        command = ["xvfb-run", "--auto-servernum", f"--server-args={SCREEN}", *command]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
