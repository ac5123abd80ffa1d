"""Footage that cannot be read: one clear line each, and nothing else on stderr."""

import os
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.footage import open_footage, read
from pose2rig.rigs.errors import FootageError

from ..footage_samples import ffmpeg, make_video, quarters, write_image

LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "bgr0")


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("good") / "plain.mp4", map(quarters, range(30)))


def refusal(path: Path) -> str:
    with pytest.raises(FootageError) as caught:
        list(read(open_footage(path)))
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.next_step
    return message


def test_text_empty_and_playlist_files_are_refused(tmp_path: Path, plain: Path) -> None:
    contents = {
        "text.mp4": "just words, no video: ä\n" * 300,
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{plain}\n#EXT-X-ENDLIST\n",
        "list.mkv": f"ffconcat version 1.0\nfile '{plain}'\n",
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert "text file" in refusal(path)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "empty.png").touch()
    assert "is empty" in refusal(tmp_path / "empty.mp4")
    assert "is empty" in refusal(tmp_path / "empty.png")


def test_sound_noise_and_headless_video_are_refused(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sound = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", sound)
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(1).bytes(100_000))
    data = plain.read_bytes()
    headless = tmp_path / "cut.mp4"  # this file's index stands at its end
    headless.write_bytes(data[: len(data) // 2])
    for path in (sound, noise, headless):
        assert "no video could be read" in refusal(path)
    assert capfd.readouterr().err == ""


def test_missing_paths_urls_and_pipes_are_refused(tmp_path: Path) -> None:
    for name in ("nothing.mp4", "x" * 5000, "nul\0.mp4"):
        refusal(tmp_path / name)
    assert "does not exist" in refusal(Path("http://127.0.0.1/clip.mp4"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        assert "pipe" in refusal(tmp_path / "pipe.mp4")


def test_folders_and_images_without_a_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    assert "no images" in refusal(tmp_path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "no image could be read" in refusal(broken)
    assert "no image could be read" in refusal(tmp_path)


def test_absurd_sizes_are_refused(tmp_path: Path) -> None:
    wide = write_image(tmp_path / "wide.bmp", np.zeros((1, 20_000, 3), np.uint8))
    assert "16384" in refusal(wide)
    bomb = tmp_path / "bomb.png"
    header = bytearray(write_image(bomb, quarters(1)).read_bytes())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb.write_bytes(header)
    assert "no image could be read" in refusal(bomb)
    video = tmp_path / "wide.mkv"
    make_video(video, [np.zeros((2, 16_400, 3), np.uint8)], codec=LOSSLESS)
    assert "too large" in refusal(video)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_forbidden_file_is_refused(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(plain.read_bytes())
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # root may read everything: be nobody for a moment
        os.seteuid(65534)
    try:
        message = refusal(path)
    finally:
        if is_root:
            os.seteuid(0)
    assert "permission" in message


def test_file_that_vanishes_midway_is_an_error(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png", quarters(number))
    frames = read(open_footage(tmp_path))
    next(frames)
    (tmp_path / "1.png").unlink()
    with pytest.raises(FootageError, match="1.png|does not exist"):
        list(frames)
