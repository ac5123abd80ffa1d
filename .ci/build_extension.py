"""Build the Blender extension: `python .ci/build_extension.py` writes dist/pose2rig-VERSION.zip.

Stages the three folders, the open body and the pose prior with the manifest and __init__.py at the
root, then has Blender's own extension tool (of the bpy module) validate and build them.
"""

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("rigs", "core_inference", "addon")
DATA = ("open_body.npz", "pose_prior.npz")
MANIFEST = "blender_manifest.toml"
LEFT_OUT = ("__pycache__", "*.pyc", ".*", MANIFEST, "extension_init.py")


def stage(folder: Path) -> None:
    """Lay the extension out in an empty folder."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / "assets").mkdir()
    for data in DATA:
        shutil.copy(ROOT / "assets" / data, folder / "assets")
    shutil.copytree(ROOT / "assets" / "licenses", folder / "assets" / "licenses")
    shutil.copy(ROOT / "addon" / MANIFEST, folder / MANIFEST)
    shutil.copy(ROOT / "addon" / "extension_init.py", folder / "__init__.py")
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE")


def extension_tool() -> Path:
    """Blender's own extension tool inside the bpy module."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise SystemExit("pose2rig: error: no bpy module; expected bpy 5.0.1; run make demo first")
    found = Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    return next(found)


def build(output: Path) -> None:
    """Write the zip; ends with the tool's message when it refuses."""
    tool = [sys.executable, str(extension_tool())]
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "pose2rig"
        source.mkdir()
        stage(source)
        output.parent.mkdir(parents=True, exist_ok=True)
        target = ["--source-dir", str(source), "--output-filepath", str(output)]
        for command in (["build", *target], ["validate", str(output)]):
            done = subprocess.run([*tool, *command], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                output.unlink(missing_ok=True)
                raise SystemExit(f"pose2rig: error: {command[0]}: {done.stdout}{done.stderr}")


def main() -> None:
    """Build into dist/, or where --output says."""
    version = tomllib.loads((ROOT / "addon" / MANIFEST).read_text("utf-8"))["version"]
    parser = argparse.ArgumentParser(description="build the Blender extension")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / f"pose2rig-{version}.zip")
    output = parser.parse_args().output.resolve()
    build(output)
    print(f"{output.name}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
