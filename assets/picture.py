"""Pictures of the open body with Blender's Workbench, for baking landmarks and for the readme."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from bake_tpose import Array
from mathutils import Matrix

COLOURS = {
    "skin": (0.70, 0.43, 0.31),
    "shirt": (0.06, 0.16, 0.36),
    "trousers": (0.045, 0.05, 0.07),
    "shoes": (0.30, 0.04, 0.03),
    "hair": (0.025, 0.014, 0.009),
    "eye_white": (0.85, 0.85, 0.83),
    "iris": (0.03, 0.018, 0.012),
    "teeth": (0.85, 0.82, 0.74),
    "tongue": (0.45, 0.14, 0.14),
    "lips": (0.48, 0.19, 0.16),
    "brows": (0.10, 0.055, 0.038),
}


@dataclass(frozen=True)
class Camera:
    """A pinhole that looks from origin to target (3,) m; `width_m` spans the picture there."""

    origin: Array
    target: Array
    width_m: float
    size_px: tuple[int, int]

    def axes(self) -> Array:
        """Columns right, up and backwards of the camera."""
        back = (self.origin - self.target) / np.linalg.norm(self.origin - self.target)
        right = np.cross([0.0, 1.0, 0.0], back)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back], axis=1)

    def ray(self, pixel: Array) -> Array:
        """Unit direction through a pixel (x right, y down)."""
        metres = self.width_m / self.size_px[0]
        x = (pixel[0] - self.size_px[0] / 2) * metres
        y = (self.size_px[1] / 2 - pixel[1]) * metres
        distance = np.linalg.norm(self.origin - self.target)
        direction = self.axes() @ np.array([x, y, -distance])
        return direction / np.linalg.norm(direction)


def render_body(body: dict[str, Array], vertices: Array, camera: Camera, path: Path) -> None:
    """Write a PNG of the mesh with the vertices (V,3) m, y up."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("body")
    mesh.from_pydata(vertices.tolist(), [], body["f"].tolist())
    for name in body["part_names"]:
        material = bpy.data.materials.new(str(name))
        material.diffuse_color = (*COLOURS[str(name)], 1.0)
        material.roughness = 0.6
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", body["face_part"].astype(np.int32))
    mesh.shade_smooth()
    bpy.context.collection.objects.link(bpy.data.objects.new("body", mesh))
    _place_camera(camera)
    _render(camera.size_px, path)


def move_body(vertices: Array, path: Path) -> None:
    """Render the body of the last picture again with other vertices (V,3) m, y up."""
    mesh = bpy.data.objects["body"].data
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.update()
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _place_camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    distance = float(np.linalg.norm(camera.origin - camera.target))
    lens.sensor_fit = "HORIZONTAL"
    lens.lens = lens.sensor_width * distance / camera.width_m
    placed = bpy.data.objects.new("camera", lens)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = camera.axes(), camera.origin
    placed.matrix_world = Matrix(matrix.tolist())
    bpy.context.collection.objects.link(placed)
    bpy.context.scene.camera = placed


def _render(size_px: tuple[int, int], path: Path) -> None:
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = size_px
    scene.render.filepath = str(path)
    scene.display.render_aa = "8"
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.80, 0.82, 0.85)
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.background_type = "WORLD"
    shading.show_cavity, shading.cavity_type = True, "BOTH"
    bpy.ops.render.render(write_still=True)
