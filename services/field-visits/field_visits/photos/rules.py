"""The limits of a photo, and how many photos a visit may have."""

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_PHOTOS = 20
"""The most photos of one visit."""

FORMATS = ("JPEG", "PNG")
"""The formats by Pillow's names. The decoder decides a file's format, never the file's name."""
