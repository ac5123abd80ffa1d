"""The film set: `python benchmarks/rendered_scene.py TRUTH.npz FOOTAGE.mp4`.

Draws the body of a `rendered_footage` truth file in a textured hall with Blender's Workbench. A
process of its own, because a capture starts helpers that would take bpy for theirs. World axes
as in Blender: z up, metres. Legend: V vertices, T frames.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import bpy
import imageio_ffmpeg
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.rigs.skeleton import world_rotations

Float64 = NDArray[np.float64]

COLOURS = {
    "skin": (0.70, 0.43, 0.31),
    "shoes": (0.25, 0.05, 0.04),
    "hair": (0.025, 0.014, 0.009),
    "eye_white": (0.85, 0.85, 0.83),
    "iris": (0.03, 0.018, 0.012),
    "teeth": (0.85, 0.82, 0.74),
    "tongue": (0.45, 0.14, 0.14),
    "lips": (0.48, 0.19, 0.16),
    "brows": (0.10, 0.055, 0.038),
}

LEFT_M, RIGHT_M, FRONT_M, BACK_M, HIGH_M = -10.0, 10.0, -12.0, 5.0, 5.0
TEXTURE_PX, TEXTURE_M = 1024, 8.0
"""A texture's side in pixels, and how much of a wall it covers before it comes again."""

BLOCKS = ((8, 0.08), (32, 0.12), (128, 0.10))
"""The pattern: squares to a side, and by how much their tones differ."""

COLOURED = 0.25
"""How far the squares' colours differ beside their brightness."""

CRF = 18
LIGHT = (-0.3, 0.85, 0.4)
"""Towards the light in Workbench's axes: x right, y up, z towards the viewer."""


def film(truth: dict[str, Float64], body: BodyModel, out: Path) -> None:
    """Render every frame of a truth file's arrays into a video."""
    world = world_rotations(truth["rotations"])
    vertices_TV3 = body.skin(world, truth["joints"], truth["open_betas"])
    axes_T33 = np.swapaxes(truth["camera_rotation"], 1, 2)
    origins_T3 = -np.einsum("tij,tj->ti", axes_T33, truth["camera_translation"])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    _hall()
    mesh = _body_mesh(body, truth)
    size_px = truth["image_size"].astype(int)
    camera = _camera(float(truth["focal"][0] / size_px[0]))
    _settings(size_px)
    with tempfile.TemporaryDirectory() as folder:
        for frame, vertices_V3 in enumerate(vertices_TV3):
            mesh.vertices.foreach_set("co", vertices_V3.astype(np.float32).ravel())
            mesh.update()
            pose = np.eye(4)
            pose[:3, :3] = axes_T33[frame] * [1.0, -1.0, -1.0]
            pose[:3, 3] = origins_T3[frame]
            camera.matrix_world = Matrix(pose.tolist())
            bpy.context.scene.render.filepath = str(Path(folder) / f"{frame:04d}.png")
            bpy.ops.render.render(write_still=True)
        _encode(Path(folder), 1.0 / float(np.diff(truth["time_s"]).mean()), out)


def _encode(pictures: Path, rate_hz: float, out: Path) -> None:
    made = out.with_suffix(".part.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    command += ["-framerate", f"{rate_hz:g}", "-i", str(pictures / "%04d.png")]
    command += ["-c:v", "libx264", "-preset", "medium", "-crf", str(CRF), "-threads", "1"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(made)], check=True)
    made.replace(out)


def _hall() -> None:
    floor = [
        (LEFT_M, FRONT_M, 0.0),
        (RIGHT_M, FRONT_M, 0.0),
        (RIGHT_M, BACK_M, 0.0),
        (LEFT_M, BACK_M, 0.0),
    ]
    _plane("floor", floor, (0.56, 0.50, 0.43), seed=1)
    corners = [place[:2] for place in floor]
    for number, (start, end) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True)):
        wall = [(*start, 0.0), (*end, 0.0), (*end, HIGH_M), (*start, HIGH_M)]
        _plane(f"wall{number}", wall, (0.66, 0.65, 0.62), seed=2 + number)


def _plane(
    name: str,
    corners: list[tuple[float, float, float]],
    tone: tuple[float, float, float],
    seed: int,
) -> None:
    """A rectangle with a picture of squares on it."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    points = np.array(corners)
    wide, high = (float(np.linalg.norm(points[k] - points[0])) / TEXTURE_M for k in (1, 3))
    places = np.array([(0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high)])
    mesh.uv_layers.new().data.foreach_set("uv", places.ravel())
    mesh.materials.append(_textured(name, np.array(tone), seed))
    placed = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(placed)


def _textured(name: str, tone_3: Float64, seed: int) -> bpy.types.Material:
    random = np.random.default_rng(seed)
    pattern = np.broadcast_to(tone_3, (TEXTURE_PX, TEXTURE_PX, 3)).copy()
    for squares, contrast in BLOCKS:
        tones = random.uniform(-contrast, contrast, (squares, squares, 1))
        tones = tones + COLOURED * random.uniform(-contrast, contrast, (squares, squares, 3))
        size = TEXTURE_PX // squares
        pattern += tones.repeat(size, axis=0).repeat(size, axis=1)
    pixels = np.ones((TEXTURE_PX, TEXTURE_PX, 4), dtype=np.float32)
    pixels[..., :3] = np.clip(pattern, 0.0, 1.0)
    image = bpy.data.images.new(name, TEXTURE_PX, TEXTURE_PX)
    image.pixels.foreach_set(pixels.ravel())
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    nodes.active = node
    return material


def _body_mesh(body: BodyModel, truth: dict[str, Float64]) -> bpy.types.Mesh:
    colours = {**COLOURS, **{name: tuple(truth[name]) for name in ("shirt", "trousers")}}
    mesh = bpy.data.meshes.new("body")
    mesh.from_pydata(body.v_template.tolist(), [], [tuple(face) for face in body.faces.tolist()])
    for name in body.part_names:
        material = bpy.data.materials.new(name)
        material.diffuse_color = (*colours[name], 1.0)
        material.roughness, material.metallic = 0.65, 0.0
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", body.face_part.astype(np.int32))
    mesh.shade_smooth()
    bpy.context.collection.objects.link(bpy.data.objects.new("body", mesh))
    return mesh


def _camera(focal_widths: float) -> bpy.types.Object:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "HORIZONTAL"
    data.lens = data.sensor_width * focal_widths
    camera = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


def _settings(size_px: NDArray[np.int64]) -> None:
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = size_px.tolist()
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 15
    scene.display.render_aa = "FXAA"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = 0.55
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.55, 0.56, 0.58)
    scene.display.light_direction = LIGHT
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "TEXTURE"
    shading.background_type = "WORLD"
    shading.show_shadows = shading.show_cavity = False
    shading.show_specular_highlight = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", type=Path)
    parser.add_argument("footage", type=Path)
    options = parser.parse_args()
    with np.load(options.truth, allow_pickle=False) as file:
        truth = {name: file[name] for name in file}
    film(truth, load_open_body(), options.footage)


if __name__ == "__main__":
    main()
