"""The configuration: read key by key, every mistake named."""

from pathlib import Path

import pytest

from pose2rig.core_inference.training.coco import CocoFiles
from pose2rig.core_inference.training.config import ClipData, load_config
from pose2rig.rigs.errors import Pose2RigError, UsageError

SMALL = 'network = "rootnet"\nout = "run"\n[[data]]\nclips = ["a.npz", "b.npz"]\ncount = 7\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "train.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_start_at_the_files_folder_and_the_rest_is_the_papers(tmp_path: Path) -> None:
    settings = load_config(written(tmp_path, SMALL))
    assert settings.out == tmp_path / "run"
    assert settings.network == "rootnet"
    assert settings.batch is settings.epochs is settings.augmentation is None
    (data,) = settings.data
    assert isinstance(data, ClipData)
    assert data.clips == (tmp_path / "a.npz", tmp_path / "b.npz")
    assert data.count == 7


def test_the_documents_examples_are_read(repository_dir: Path, tmp_path: Path) -> None:
    """Every key that the document shows is one, and all keys but the alternatives are shown."""
    text = (repository_dir / "docs" / "training.md").read_text(encoding="utf-8")
    least, whole = (part.split("```")[0] for part in text.split("```toml\n")[1:])
    assert [type(part) for part in load_config(written(tmp_path, least)).data] == [ClipData]
    settings = load_config(written(tmp_path, whole))
    assert [type(part) for part in settings.data] == [ClipData, CocoFiles]
    assert settings.held_out
    assert settings.augmentation is not None
    assert settings.choices


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"rootnet"', '"resnet"', "hand4whole"),
        ('"rootnet"', "7", "network"),
        ('"rootnet"', '["rootnet"]', "network"),
        ('out = "run"', "", "the key out"),
        ('out = "run"', "out = 3", "a path"),
        ('out = "run"', 'out = "run"\nbatchsize = 3', "batchsize"),
        ('out = "run"', 'out = "run"\nbatch = 0', "batch"),
        ('out = "run"', 'out = "run"\nbatch = true', "batch"),
        ('out = "run"', 'out = "run"\nlearning_rate = 0', "learning_rate"),
        ('out = "run"', 'out = "run"\nlearning_rate = nan', "learning_rate"),
        ('out = "run"', 'out = "run"\nresume = 1', "true or false"),
        ('out = "run"', 'out = "run"\npatch = [100, 64]', "multiples of 32"),
        ('out = "run"', 'out = "run"\npatch = 64', "patch"),
        ('out = "run"', 'out = "run"\nprecision = "int8"', "bf16"),
        ('out = "run"', 'out = "run"\nfreeze = []', "freeze"),
        ('out = "run"', 'out = "run"\naugmentation = {zoom = 1.0}', "zoom"),
        ('out = "run"', 'out = "run"\naugmentation = {scale = 1}', "a share below 1"),
        ('out = "run"', 'out = "run"\nbody = "smpl"', "smplx"),
        ("[[data]]", "[data]", "data"),
        ("count = 7", "", "the key count"),
        ("count = 7", "count = 7\nfits = 'a.json'", "fits"),
        ('clips = ["a.npz", "b.npz"]\ncount = 7', "images = 'a'", "annotations"),
        ("count = 7", "count = 7\ndistance_m = [1.0]", "distance_m"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, word: str) -> None:
    assert old in SMALL
    with pytest.raises(UsageError, match=r"train\.toml") as refused:
        load_config(written(tmp_path, SMALL.replace(old, new)))
    assert word in str(refused.value)


@pytest.mark.parametrize("text", ["a = ", "[" * 10_000, "\x00"])
def test_what_is_no_toml_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="a TOML file"):
        load_config(written(tmp_path, text))


def test_a_missing_or_huge_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(Pose2RigError, match=r"none\.toml") as missing:
        load_config(tmp_path / "none.toml")
    assert missing.value.exit_status == 1
    with pytest.raises(UsageError, match="at most 1 MB"):
        load_config(written(tmp_path, "#" * ((1 << 20) + 1)))
