"""The documentation's own modules can be imported."""

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent.parent / "scripts" / "docs"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))
