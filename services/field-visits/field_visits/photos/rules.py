"""The limits of a photo, and how many photos a visit and a contract may have."""

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_PHOTOS = 20
"""The most photos of one visit."""

MOST_PHOTOS_IN_A_DAY = 60
"""The most photos that the visits of one contract may get within 24 hours."""
MOST_STORED_BYTES = 32 * 1024 * 1024
"""The most bytes of a photo as it is stored."""

FORMATS = ("JPEG", "PNG")
"""The formats by Pillow's names. The decoder decides a file's format, never the file's name."""
