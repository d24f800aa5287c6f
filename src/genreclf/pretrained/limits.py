"""How large what comes from elsewhere may be."""

LARGEST_CONFIG = 1_000_000  # bytes; ours are 2,000
LARGEST_CARD = 1_000_000  # bytes
LARGEST_WEIGHTS = 2 * 1024**3  # bytes; ours are 940,000
LARGEST_ARCHIVE = LARGEST_WEIGHTS + 16 * 1024**2  # bytes
MOST_MEMBERS = 1_000  # of an archive
