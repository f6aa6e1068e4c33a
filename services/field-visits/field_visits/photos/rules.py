"""What a photo must be, and how many a visit may have."""

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_PHOTOS = 20
"""Of one visit."""

FORMATS = ("JPEG", "PNG")
"""By Pillow's names. What a file is, the decoder says, never a name."""
