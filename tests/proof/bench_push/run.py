"""``make bench-push``."""

from __future__ import annotations

import sys

from push_bench import main

if __name__ == "__main__":
    sys.exit(main())
