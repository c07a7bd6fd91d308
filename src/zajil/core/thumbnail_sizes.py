"""Which thumbnail is made for which request (client-server API, "Thumbnails"), so that few different ones are made of each picture."""

SCALED = ((32, 32), (96, 96), (320, 240), (640, 480), (800, 600), (1600, 1200), (4096, 4096))
CROPPED = (*SCALED[:6], (48, 48), (64, 64), (128, 128), (240, 240), (480, 480), (800, 800))
SIDE_MAX = 4096


def build_size(width: int, height: int, *, crops: bool) -> tuple[int, int]:
    """The smallest standard size not below the one asked for; a crop of an unusual shape is made as asked."""
    width, height = min(width, SIDE_MAX), min(height, SIDE_MAX)
    if not crops:
        return min(size for size in SCALED if size[0] >= width and size[1] >= height)
    alike = [size for size in CROPPED if size[0] >= width and size[0] * height == size[1] * width]
    return min(alike, default=(width, height))
