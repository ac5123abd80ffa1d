"""The readme's pictures: `python bake_pictures.py CLIP.npz ../docs/pictures/demo.png`.

Above, three moments of the demo clip with the captured skeleton on them; below, the open body
posed by that capture (CLIP.npz, as `make demo` writes it), seen from another side.

`python bake_pictures.py DIR ../docs/pictures/people.png --people PEOPLE.mp4`: three moments of the
clip of `bake_people.py` with the people captured from it into DIR, and their paths from above.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from bake_demo import surface
from demo_steps import Array
from picture import Camera, render_body

from pose2rig.core_inference.body_model import DEFAULT_PATH, load_open_body
from pose2rig.core_inference.clip import Clip, load_clip
from pose2rig.core_inference.overlay import load_people, overlaid
from pose2rig.core_inference.top_view import top_view
from pose2rig.rigs.rest_pose import UPRIGHT

FOOTAGE = Path(__file__).parent / "demo.mp4"
MOMENTS = (49, 180, 240)
PEOPLE_MOMENTS = (8, 32, 42)
TILE_PX = 330
GAP_PX = 6
YAW_DEG = 40.0
WIDTH_M = 2.1


def posed(clip: Clip, frame: int, body: dict[str, Array]) -> Array:
    """The captured body in one frame as a picture (TILE_PX,TILE_PX,3) BGR."""
    row = int(np.flatnonzero(clip.frame_index == frame)[0])
    vertices = surface(clip, load_open_body())[row] @ UPRIGHT
    middle = clip.joints[row, 0].astype(np.float64) @ UPRIGHT
    target = np.array([middle[0], 0.88, middle[2]])
    yaw = np.deg2rad(YAW_DEG)
    away = 6.0 * np.array([np.sin(yaw), 0.12, np.cos(yaw)])
    camera = Camera(target + away, target, WIDTH_M, (TILE_PX, TILE_PX))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.png"
        render_body(body, vertices, camera, path)
        return cv2.imread(str(path))


def demo_picture(path: Path) -> Array:
    """Three moments of the demo clip above, the body captured from it below."""
    clip = load_clip(path)
    with np.load(DEFAULT_PATH, allow_pickle=False) as file:
        body = {key: file[key] for key in ("f", "part_names", "face_part")}
    size = (TILE_PX, TILE_PX)
    above = [
        cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        for _, image in overlaid(FOOTAGE, {0: clip}, set(MOMENTS))
    ]
    below = [posed(clip, frame, body) for frame in MOMENTS]
    return np.vstack([_strip(tiles) for tiles in (above, below)])


def people_picture(folder: Path, footage: Path) -> Array:
    """Three moments of people in one room, and the room from above."""
    people = load_people(folder)
    moments = [image for _, image in overlaid(footage, people, set(PEOPLE_MOMENTS))]
    return _strip([_as_high(image) for image in (*moments, top_view(people))])


def _as_high(image: Array) -> Array:
    size = (round(image.shape[1] * TILE_PX / image.shape[0]), TILE_PX)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _strip(tiles: list[Array]) -> Array:
    return np.hstack([_framed(tile) for tile in tiles])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=Path, metavar="PEOPLE.mp4")
    arguments = parser.parse_args()
    if arguments.people is None:
        picture = demo_picture(arguments.clip)
    else:
        picture = people_picture(arguments.clip, arguments.people)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.out), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _framed(tile: Array) -> Array:
    white = (255, 255, 255)
    edge = GAP_PX // 2
    return cv2.copyMakeBorder(tile, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=white)


if __name__ == "__main__":
    main()
