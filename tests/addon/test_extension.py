"""The extension as a package: its version, its contents, its classes, and import without bpy."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest


def _manifest(repository_dir: Path) -> dict:
    text = (repository_dir / "addon" / "blender_manifest.toml").read_text("utf-8")
    return tomllib.loads(text)


def test_one_version_number(repository_dir: Path) -> None:
    """pyproject and manifest agree."""
    project = tomllib.loads((repository_dir / "pyproject.toml").read_text("utf-8"))
    assert _manifest(repository_dir)["version"] == project["project"]["version"]


def test_permissions_are_short_sentences_without_a_full_stop(repository_dir: Path) -> None:
    """Blender's rule for each of them."""
    for sentence in _manifest(repository_dir)["permissions"].values():
        assert len(sentence) <= 64
        assert not sentence.endswith(".")


def test_worker_and_root_import_without_blender(repository_dir: Path) -> None:
    """The engine's Python has no bpy: the parts it passes through do not ask for it."""
    code = (
        "import sys; sys.modules['bpy'] = None; "
        "import pose2rig.addon, pose2rig.addon.extension_init, pose2rig.addon.worker_client, "
        "pose2rig.addon.sampling"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.bpy
def test_zip_has_what_is_needed_and_no_more(extension_zip: Path) -> None:
    """Manifest and __init__ at the root, the three folders, the body, licences; no tests."""
    with zipfile.ZipFile(extension_zip) as archive:
        names = set(archive.namelist())
    assert {
        "blender_manifest.toml",
        "__init__.py",
        "LICENSE",
        "assets/open_body.npz",
        "assets/pose_prior.npz",
        "addon/registration.py",
        "core_inference/worker.py",
        "rigs/skeleton.py",
        "rigs/presets/mixamo.json",
    } <= names
    roots = {name.split("/")[0] for name in names}
    assert roots == {
        "blender_manifest.toml",
        "__init__.py",
        "LICENSE",
        "assets",
        "addon",
        "core_inference",
        "rigs",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".mp4"))]
    assert extension_zip.stat().st_size < 10_000_000


@pytest.mark.bpy
def test_every_class_registers_and_unregisters(empty_file) -> None:
    """Twice in a row, with the contract's names; nothing is left behind."""
    from pose2rig.addon.registration import register, unregister

    bpy = empty_file
    for _ in range(2):
        register()
        assert bpy.ops.pose2rig.capture.get_rna_type().name == "Capture"
        assert bpy.ops.pose2rig.cancel.get_rna_type().name == "Cancel"
        assert bpy.ops.pose2rig.export.get_rna_type().name == "Export FBX"
        panel = bpy.types.POSE2RIG_PT_capture
        assert (panel.bl_category, panel.bl_space_type) == ("Pose2Rig", "VIEW_3D")
        settings = bpy.context.scene.pose2rig
        assert (settings.rotation_mode, settings.match_scene) == ("AXIS_ANGLE", False)
        assert settings.smooth == pytest.approx(0.5)
        unregister()
        assert not hasattr(bpy.types.Scene, "pose2rig")
        assert not hasattr(bpy.types, "POSE2RIG_PT_capture")
