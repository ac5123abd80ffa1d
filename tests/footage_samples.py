"""Small real clips for the tests, made on the fly with imageio-ffmpeg's ffmpeg and OpenCV.

Every frame shows red, green, blue and white quarters (top left, top right, bottom left, bottom
right) and, in the middle, a square whose grey says the frame's number.
"""

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
GREY_STEP = 4
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "5")


def quarters(number: int, width: int = 160, height: int = 120) -> RGB:
    """Draw frame `number` (up to 63), (height,width,3) RGB."""
    image = np.zeros((height, width, 3), np.uint8)
    middle_y, middle_x = height // 2, width // 2
    image[:middle_y, :middle_x], image[:middle_y, middle_x:] = RED, GREEN
    image[middle_y:, :middle_x], image[middle_y:, middle_x:] = BLUE, WHITE
    image[middle_y - 16 : middle_y + 16, middle_x - 16 : middle_x + 16] = GREY_STEP * number
    return image


def number_in(image: RGB) -> int:
    """Read the frame's number back from its middle."""
    height, width = image.shape[:2]
    middle = image[height // 2 - 6 : height // 2 + 6, width // 2 - 6 : width // 2 + 6]
    return round(float(middle.mean()) / GREY_STEP)


def corners(image: RGB) -> list[tuple[int, int, int]]:
    """Return the pure colours of top left, top right, bottom left and bottom right."""
    found = [image[y, x] for y, x in ((5, 5), (5, -6), (-6, 5), (-6, -6))]
    return [(255 * int(r > 127), 255 * int(g > 127), 255 * int(b > 127)) for r, g, b in found]


def ffmpeg(*arguments: str | Path, data: Iterable[bytes] | None = None) -> None:
    """Run ffmpeg, feeding it `data` piece by piece."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for piece in data or ():
            process.stdin.write(piece)
        process.stdin.close()
        message = process.stderr.read().decode()
    if process.returncode != 0:
        raise RuntimeError(message)


def make_video(
    path: Path,
    frames: Iterable[RGB],
    *options: str,
    fps: float = 30.0,
    codec: tuple[str, ...] = H264,
) -> Path:
    """Encode the frames (all of one size); `options` stand before the codec's."""
    iterator = iter(frames)
    first = next(iterator)
    height, width = first.shape[:2]

    def pieces() -> Iterable[bytes]:
        yield first.tobytes()
        for frame in iterator:
            yield frame.tobytes()

    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps))
    ffmpeg(*raw, "-i", "-", *options, *codec, path, data=pieces())
    return path


def write_image(path: Path, image: RGB | NDArray[np.uint16]) -> Path:
    """Write an image (grey, RGB or RGBA, 8 or 16 bit) under any name."""
    orders = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    stored = image if image.ndim == 2 else cv2.cvtColor(image, orders[image.shape[2]])
    ok, data = cv2.imencode(path.suffix, stored)
    assert ok
    path.write_bytes(data.tobytes())
    return path


def write_jpeg_with_exif(path: Path, image: RGB, *, orientation: int, focal_35mm: int) -> Path:
    """Write a JPEG whose EXIF gives orientation (1..8) and 35 mm focal length in mm."""
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert ok
    first = struct.pack(">HHHIHHHHIII", 2, 0x0112, 3, 1, orientation, 0, 0x8769, 4, 1, 38, 0)
    second = struct.pack(">HHHIHHI", 1, 0xA405, 3, 1, focal_35mm, 0, 0)
    body = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + first + second
    jpeg = data.tobytes()
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:])
    return path
