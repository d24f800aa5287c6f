"""Whether the network may be used."""

import os


def is_offline() -> bool:
    """Whether ``GENRECLF_OFFLINE`` is set (to anything but 0, no, false or off)."""
    return os.environ.get("GENRECLF_OFFLINE", "").lower() not in ("", "0", "no", "false", "off")
