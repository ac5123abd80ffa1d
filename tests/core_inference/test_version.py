"""One version number, wherever it stands."""

import importlib.metadata
import tomllib
from pathlib import Path

from pose2rig.core_inference import VERSION


def test_the_version_is_the_same_everywhere(repository_dir: Path) -> None:
    project = tomllib.loads((repository_dir / "pyproject.toml").read_text(encoding="utf-8"))
    manifest_path = repository_dir / "addon" / "blender_manifest.toml"
    manifest = tomllib.loads(manifest_path.read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION
    assert manifest["version"] == VERSION
    assert importlib.metadata.version("pose2rig") == VERSION


def test_the_changelog_has_a_part_for_this_version(repository_dir: Path) -> None:
    changelog = (repository_dir / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{VERSION}]" in changelog or "## [Unreleased]" in changelog
