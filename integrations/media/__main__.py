"""``python -m integrations.media``: the child process of one call."""

from __future__ import annotations

import sys

from integrations.media.child import main

if __name__ == "__main__":
    sys.exit(main())
