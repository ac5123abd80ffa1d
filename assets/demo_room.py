"""The demo's film set in Blender: a room with clothed bodies in it, drawn by Workbench.

World axes as in Blender: z up, metres. Legend: V vertices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray
from picture import COLOURS

from pose2rig.core_inference.body_model import BodyModel

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

LIGHT = (-0.3, 0.85, 0.4)
"""Towards the light in Workbench's axes: x right, y up, z towards the viewer."""

TILE_M = 0.5
FLOOR = ((0.62, 0.47, 0.33), (0.55, 0.41, 0.28))
WALL = (0.86, 0.83, 0.76)
SIDE_WALL = (0.74, 0.73, 0.70)
SKIRTING = (0.95, 0.94, 0.92)
BACK_M, LEFT_M, RIGHT_M, FRONT_M, HIGH_M = 2.2, -2.6, 2.6, -4.5, 3.6

BOXES: tuple[tuple[tuple[float, float, float], tuple[float, float, float], Colour], ...] = (
    ((-2.6, 2.16, 0.0), (2.6, 2.2, 0.11), SKIRTING),
    ((0.0, 2.16, 1.25), (0.8, 2.2, 1.95), (0.10, 0.08, 0.06)),
    ((0.05, 2.15, 1.30), (0.75, 2.2, 1.90), (0.55, 0.50, 0.36)),
    ((0.05, 2.14, 1.30), (0.75, 2.2, 1.52), (0.14, 0.24, 0.16)),
    ((1.0, 2.12, 0.0), (1.85, 2.2, 2.05), (0.36, 0.30, 0.24)),
    ((1.06, 2.10, 0.0), (1.79, 2.2, 1.99), (0.44, 0.37, 0.29)),
    ((1.12, 2.06, 0.98), (1.22, 2.1, 1.02), (0.20, 0.19, 0.17)),
    ((-2.3, 1.75, 0.0), (-1.6, 2.15, 0.75), (0.25, 0.17, 0.10)),
    ((-2.05, 1.85, 0.75), (-1.95, 1.95, 1.05), (0.55, 0.50, 0.42)),
    ((-2.15, 1.75, 1.05), (-1.85, 2.05, 1.32), (0.70, 0.62, 0.45)),
    ((-1.0, -1.15, 0.0), (0.75, 0.75, 0.006), (0.30, 0.36, 0.44)),
    ((-0.9, -1.05, 0.0), (0.65, 0.65, 0.009), (0.52, 0.55, 0.58)),
)
"""Furniture as low corner, high corner (m) and linear colour: skirting, picture, door, chest,
lamp, rug."""

_CUBE_FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))


@dataclass(frozen=True)
class Lens:
    """The demo's camera: origin (3,) m, looking along +y and `down_deg` below the horizon;
    focal_px with the principal point in the middle of size_px (w, h)."""

    origin: Array
    down_deg: float
    focal_px: float
    size_px: tuple[int, int]

    def axes(self) -> Array:
        """Columns right, down and forward in the world: OpenCV's camera axes."""
        down = np.deg2rad(self.down_deg)
        forward = np.array([0.0, np.cos(down), -np.sin(down)])
        return np.stack([[1.0, 0.0, 0.0], np.cross(forward, [1.0, 0.0, 0.0]), forward], axis=1)


class Room:
    """An open scene: `render` writes one picture of the bodies, one for each colour of shirt."""

    def __init__(
        self, body: BodyModel, lens: Lens, shirts: Sequence[Colour] = (COLOURS["shirt"],)
    ) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _floor()
        _walls()
        for low, high, colour in BOXES:
            _box(np.array(low), np.array(high), colour)
        self._meshes = [_body_mesh(body, shirt) for shirt in shirts]
        _camera(lens)
        _settings(lens.size_px)

    def render(self, bodies: Sequence[Array], path: Path) -> None:
        """Write a PNG of the room with the vertices (V,3) m of each body."""
        for mesh, vertices_V3 in zip(self._meshes, bodies, strict=True):
            mesh.vertices.foreach_set("co", vertices_V3.astype(np.float32).ravel())
            mesh.update()
        bpy.context.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)


def _material(name: str, colour: Colour) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.diffuse_color = (*colour, 1.0)
    material.roughness = 0.65
    material.metallic = 0.0
    return material


def _object(
    name: str, vertices: list[list[float]], faces: list[tuple[int, ...]], colours: list[Colour]
) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    for colour in colours:
        mesh.materials.append(_material(name, colour))
    placed = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(placed)
    return placed


def _floor() -> None:
    """Tiles in two tones, laid like a chess board."""
    xs = np.arange(LEFT_M, RIGHT_M - 1e-6, TILE_M)
    ys = np.arange(FRONT_M, BACK_M, TILE_M)
    vertices, faces, tones = [], [], []
    for row, y in enumerate(ys):
        for column, x in enumerate(xs):
            first = len(vertices)
            far = min(y + TILE_M, BACK_M)
            right = min(x + TILE_M, RIGHT_M)
            vertices += [[x, y, 0.0], [right, y, 0.0], [right, far, 0.0], [x, far, 0.0]]
            faces.append((first, first + 1, first + 2, first + 3))
            tones.append((row + column) % 2)
    floor = _object("floor", vertices, faces, list(FLOOR))
    floor.data.polygons.foreach_set("material_index", np.array(tones, dtype=np.int32))
    floor.display.show_shadows = False


def _walls() -> None:
    corners = [(LEFT_M, FRONT_M), (LEFT_M, BACK_M), (RIGHT_M, BACK_M), (RIGHT_M, FRONT_M)]
    for number, colour in enumerate((SIDE_WALL, WALL, SIDE_WALL)):
        (x0, y0), (x1, y1) = corners[number], corners[number + 1]
        vertices = [[x0, y0, 0.0], [x1, y1, 0.0], [x1, y1, HIGH_M], [x0, y0, HIGH_M]]
        wall = _object(f"wall{number}", vertices, [(0, 1, 2, 3)], [colour])
        wall.display.show_shadows = False


def _box(low: Array, high: Array, colour: Colour) -> None:
    corners = [
        [(low, high)[(k >> 2) & 1][0], (low, high)[(k >> 1) & 1][1], (low, high)[k & 1][2]]
        for k in range(8)
    ]
    placed = _object("box", corners, list(_CUBE_FACES), [colour])
    placed.display.show_shadows = False


def _body_mesh(body: BodyModel, shirt: Colour) -> bpy.types.Mesh:
    colours = {**COLOURS, "shirt": shirt}
    placed = _object(
        "body",
        body.v_template.tolist(),
        [tuple(face) for face in body.faces.tolist()],
        [colours[name] for name in body.part_names],
    )
    mesh = placed.data
    mesh.polygons.foreach_set("material_index", body.face_part.astype(np.int32))
    mesh.shade_smooth()
    return mesh


def _camera(lens: Lens) -> None:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "HORIZONTAL"
    data.lens = data.sensor_width * lens.focal_px / lens.size_px[0]
    placed = bpy.data.objects.new("camera", data)
    matrix = np.eye(4)
    matrix[:3, :3] = lens.axes() * [1.0, -1.0, -1.0]
    matrix[:3, 3] = lens.origin
    placed.matrix_world = Matrix(matrix.tolist())
    bpy.context.collection.objects.link(placed)
    bpy.context.scene.camera = placed


def _settings(size_px: tuple[int, int]) -> None:
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 15
    scene.display.render_aa = "8"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = 0.55
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.55, 0.56, 0.58)
    scene.display.light_direction = LIGHT
    scene.display.shadow_focus = 0.0
    scene.display.shadow_shift = 0.1
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.background_type = "WORLD"
    shading.show_shadows, shading.shadow_intensity = True, 0.35
    shading.show_cavity, shading.cavity_type = True, "BOTH"
    shading.show_specular_highlight = False
