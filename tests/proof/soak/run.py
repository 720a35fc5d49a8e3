"""``make soak``."""

from __future__ import annotations

import sys

from soaking import main

if __name__ == "__main__":
    sys.exit(main())
