"""Footage: every way it can come, real clips made on the fly, and every way it can be bad."""

import dataclasses
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.footage import Frame, content_sha256, open_footage, read
from pose2rig.core_inference.video_file import Clock
from pose2rig.rigs.errors import FootageError

from ..footage_samples import (
    BLUE,
    GREEN,
    H264,
    RED,
    WHITE,
    corners,
    ffmpeg,
    make_video,
    number_in,
    quarters,
    write_image,
    write_jpeg_with_exif,
)

COUNT = 30
LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "bgr0")
SQUARES_MS = [number * number + 20 * number for number in range(COUNT)]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def plain(clips: Path) -> Path:
    return make_video(clips / "plain.mp4", map(quarters, range(COUNT)))


def take(path: Path, start: int | None = None, end: int | None = None) -> list[Frame]:
    """Read with no warning allowed."""
    frames, warnings = take_warned(path, start, end)
    assert warnings == []
    return frames


def take_warned(
    path: Path, start: int | None = None, end: int | None = None
) -> tuple[list[Frame], list[tuple[str, str]]]:
    warnings: list[tuple[str, str]] = []
    footage = open_footage(path)
    frames = list(read(footage, start, end, lambda code, text: warnings.append((code, text))))
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (footage.height, footage.width, 3)
    times_s = [frame.time_s for frame in frames]
    assert times_s == sorted(set(times_s))
    return frames, warnings


def numbers(frames: list[Frame]) -> list[int]:
    return [number_in(frame.image) for frame in frames]


def test_video_is_read_frame_by_frame(plain: Path) -> None:
    footage = open_footage(plain)
    assert (footage.kind, footage.width, footage.height) == ("video", 160, 120)
    assert (footage.fps, footage.frame_count, footage.focal_px) == (30.0, COUNT, None)
    frames = take(plain)
    assert [frame.index for frame in frames] == numbers(frames) == list(range(COUNT))
    assert corners(frames[0].image) == [RED, GREEN, BLUE, WHITE]
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(COUNT) / 30.0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("h264.mp4", H264),
        ("h264.mkv", (*H264, "-bf", "3")),
        ("mpeg4.avi", ("-c:v", "mpeg4", "-q:v", "2", "-bf", "0")),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-crf", "5")),
        ("stream.ts", H264),
        ("mjpeg.mov", ("-c:v", "mjpeg", "-q:v", "2")),
        ("h264_10bit.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-crf", "5")),
        ("hevc_10bit.mp4", ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-crf", "5")),
        ("alpha.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
        ("loop.gif", ("-c:v", "gif")),
    ],
)
def test_containers_and_codecs(clips: Path, name: str, codec: tuple[str, ...]) -> None:
    quiet = ("-x265-params", "log-level=none") if "libx265" in codec else ()
    path = make_video(clips / name, map(quarters, range(COUNT)), codec=(*codec, *quiet))
    frames = take(path)
    assert numbers(frames) == list(range(COUNT))
    assert corners(frames[-1].image) == [RED, GREEN, BLUE, WHITE]
    expected_s = np.arange(COUNT) / 30.0
    np.testing.assert_allclose([f.time_s for f in frames], expected_s, atol=0.006)


@pytest.mark.parametrize("bits", ["gray", "gray16le"])
def test_grey_video_becomes_rgb(clips: Path, bits: str) -> None:
    codec = ("-c:v", "ffv1", "-pix_fmt", bits)
    frames = take(make_video(clips / f"{bits}.mkv", map(quarters, range(3)), codec=codec))
    assert len(frames) == 3
    image = frames[0].image
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert 60 < image[5, 5, 0] < 90  # the luma of red


def test_odd_size(clips: Path) -> None:
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv444p", "-crf", "5")
    pictures = (quarters(number, 641, 479) for number in range(3))
    path = make_video(clips / "odd.mp4", pictures, codec=codec)
    frames = take(path)
    assert frames[0].image.shape == (479, 641, 3)
    assert corners(frames[2].image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("counterclockwise", "shown", "size"),
    [
        (90, [GREEN, WHITE, RED, BLUE], (120, 160)),
        (180, [WHITE, BLUE, GREEN, RED], (160, 120)),
        (270, [BLUE, RED, WHITE, GREEN], (120, 160)),
    ],
)
def test_rotation_metadata_is_applied(
    clips: Path,
    plain: Path,
    counterclockwise: int,
    shown: list[tuple[int, int, int]],
    size: tuple[int, int],
) -> None:
    path = clips / f"turned{counterclockwise}.mp4"
    ffmpeg("-display_rotation", str(counterclockwise), "-i", plain, "-c", "copy", path)
    footage = open_footage(path)
    assert (footage.width, footage.height) == size
    assert corners(take(path)[0].image) == shown
    by_ffmpeg = clips / f"upright{counterclockwise}.mkv"
    ffmpeg("-i", path, *LOSSLESS, by_ffmpeg)
    assert corners(take(by_ffmpeg)[0].image) == shown


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_rate_keeps_presentation_times(clips: Path, name: str) -> None:
    stamps = ("-vf", "setpts='(N*N*0.001+N*0.02)/TB'", "-fps_mode", "vfr")
    pictures = map(quarters, range(COUNT))
    path = make_video(clips / name, pictures, *stamps, fps=1000.0, codec=(*H264, "-bf", "3"))
    frames = take(path)
    assert numbers(frames) == list(range(COUNT))
    times_ms = [1000.0 * frame.time_s for frame in frames]
    np.testing.assert_allclose(times_ms, SQUARES_MS, atol=1.01)  # the container's tick is 1 ms
    assert 15.0 < open_footage(path).fps < 45.0  # also where OpenCV reports 1000


def test_range_keeps_source_numbers_and_times(plain: Path) -> None:
    frames = take(plain, 7, 12)
    assert [frame.index for frame in frames] == numbers(frames) == [7, 8, 9, 10, 11]
    assert frames[0].time_s == pytest.approx(7 / 30.0)
    assert len(take(plain, 25, 1000)) == 5
    assert len(take(plain, None, 1)) == 1


def test_range_that_holds_nothing(plain: Path) -> None:
    with pytest.raises(FootageError, match="beyond the end"):
        list(read(open_footage(plain), COUNT))
    for start, end in ((5, 5), (9, 2), (-1, 4)):
        with pytest.raises(FootageError, match="range is empty"):
            read(open_footage(plain), start, end)


def test_missing_time_stamps_follow_the_nominal_rate(clips: Path) -> None:
    path = make_video(clips / "stream.h264", map(quarters, range(COUNT)))
    frames, warnings = take_warned(path)
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(COUNT) / 30.0, atol=1e-6)
    assert [code for code, _ in warnings] == ["time_stamps"]


def test_clock_mends_stamps_that_stall_turn_back_or_leap() -> None:
    clock = Clock(10.0)
    raw_s = [5.0, 5.1, 5.1, 5.0, 5.4, 9000.0, 5.7, float("nan")]
    times_s = [clock.time_s(index, stamp_s) for index, stamp_s in enumerate(raw_s)]
    np.testing.assert_allclose(times_s, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8])
    assert (clock.repaired, clock.first_repaired) == (4, 2)


def test_one_frame_video(clips: Path) -> None:
    frames = take(make_video(clips / "one.mp4", [quarters(9)]))
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0)]
    assert numbers(frames) == [9]


@pytest.mark.parametrize("name", ["größe 日本 two words.mp4", "take%03d.mp4", "a'b;c#d.mp4"])
def test_awkward_names(clips: Path, plain: Path, name: str) -> None:
    path = clips / name
    path.write_bytes(plain.read_bytes())
    assert len(take(path)) == COUNT


def test_truncated_video_gives_its_readable_part(clips: Path) -> None:
    codec = (*H264, "-g", "5", "-movflags", "+faststart")
    whole = make_video(clips / "whole.mp4", map(quarters, range(COUNT)), codec=codec)
    data = whole.read_bytes()
    cut = clips / "cut.mp4"
    cut.write_bytes(data[: len(data) * 2 // 3])
    frames, warnings = take_warned(cut)
    assert 3 < len(frames) < 25
    assert numbers(frames) == list(range(len(frames)))
    assert [code for code, _ in warnings] == ["truncated"]
    assert str(len(frames)) in warnings[0][1]
    assert take(cut, 0, 3)[2].index == 2  # a range that is all there needs no warning


def test_non_square_pixels_are_told(clips: Path) -> None:
    path = make_video(clips / "wide.mp4", map(quarters, range(3)), "-vf", "setsar=2/1")
    frames, warnings = take_warned(path)
    assert len(frames) == 3
    assert [code for code, _ in warnings] == ["pixel_aspect"]


def test_folder_in_natural_order(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"Frame{number}.png", quarters(number))
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / "._Frame1.png").write_bytes(b"a macOS companion file")
    (tmp_path / "more.png").mkdir()
    footage = open_footage(tmp_path)
    assert (footage.kind, footage.fps, footage.frame_count) == ("folder", 30.0, 12)
    frames = take(tmp_path, 1, 11)
    assert [frame.index for frame in frames] == numbers(frames) == list(range(1, 11))
    assert frames[0].time_s == pytest.approx(1 / 30.0)


def test_folder_with_broken_and_odd_images(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(b"broken")
    for number in (1, 2, 5):
        write_image(tmp_path / f"{number}.png", quarters(number))
    write_image(tmp_path / "3.png", quarters(3, 100, 80))
    write_image(tmp_path / "4.png", quarters(4, 120, 160))
    frames, warnings = take_warned(tmp_path)
    assert [frame.index for frame in frames] == numbers(frames) == [1, 2, 5]
    assert [code for code, _ in warnings] == ["broken_image", "image_size"]
    assert "0.jpg" in warnings[0][1]
    assert "2 frames" in warnings[1][1] and "3.png" in warnings[1][1]
    with pytest.raises(FootageError, match="no frame"):
        list(read(open_footage(tmp_path), 3, 5))
    with pytest.raises(FootageError, match="beyond the end"):
        list(read(open_footage(tmp_path), 6))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_single_image(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"bild ü{suffix}", quarters(11))
    footage = open_footage(path)
    assert (footage.kind, footage.fps, footage.frame_count) == ("image", 30.0, 1)
    (frame,) = take(path)
    assert (frame.index, frame.time_s, number_in(frame.image)) == (0, 0.0, 11)
    assert corners(frame.image) == [RED, GREEN, BLUE, WHITE]


def test_alpha_grey_and_16_bit_images(tmp_path: Path) -> None:
    rgb = quarters(20)
    opaque = np.dstack([rgb, np.full(rgb.shape[:2], 90, np.uint8)])
    deep = (rgb.astype(np.uint16) * 257).astype(np.uint16)
    for name, image in (("alpha", opaque), ("deep", deep)):
        (frame,) = take(write_image(tmp_path / f"{name}.png", image))
        np.testing.assert_array_equal(frame.image, rgb)
    (frame,) = take(write_image(tmp_path / "grey.png", rgb[..., 0]))
    np.testing.assert_array_equal(frame.image, np.repeat(rgb[..., :1], 3, axis=2))


def test_exif_orientation_and_focal_length(tmp_path: Path) -> None:
    stored = np.rot90(quarters(5)).copy()  # turned counterclockwise: to be shown clockwise
    path = tmp_path / "phone.jpg"
    write_jpeg_with_exif(path, stored, orientation=6, focal_35mm=26)
    footage = open_footage(path)
    assert (footage.width, footage.height) == (160, 120)
    assert corners(take(path)[0].image) == [RED, GREEN, BLUE, WHITE]
    assert footage.focal_px == pytest.approx(26.0 / 43.2666 * 200.0, rel=1e-4)


def test_damaged_exif_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    write_jpeg_with_exif(path, quarters(5), orientation=1, focal_35mm=26)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for _ in range(200):
        hurt = bytearray(data)
        for at in rng.integers(6, 66, 4):
            hurt[at] = int(rng.integers(256))
        path.write_bytes(hurt)
        assert open_footage(path).kind == "image"


def test_hash_follows_the_content(tmp_path: Path, plain: Path) -> None:
    copy = tmp_path / "other name.mp4"
    copy.write_bytes(plain.read_bytes())
    assert content_sha256(open_footage(copy)) == content_sha256(open_footage(plain))
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(2):
        write_image(folder / f"{number}.png", quarters(number))
    before = content_sha256(open_footage(folder))
    (folder / "readme.txt").write_text("no frame")
    assert content_sha256(open_footage(folder)) == before
    (folder / "1.png").rename(folder / "2.png")
    assert content_sha256(open_footage(folder)) != before


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    def pictures() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        for number in range(400):
            yield quarters(number % 60, 320, 240)

    path = make_video(tmp_path / "long.mp4", pictures())
    frame_bytes = 320 * 240 * 3
    tracemalloc.start()
    count = sum(1 for _ in read(open_footage(path)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 400
    assert peak < 12 * frame_bytes + 2_000_000


def test_stopping_early_releases_the_file(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "copy.mp4"
    path.write_bytes(plain.read_bytes())
    frames = read(open_footage(path))
    next(frames)
    del frames
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files")
    names = [os.path.realpath(entry) for entry in descriptors.iterdir()]
    assert str(path) not in names


def test_footage_is_named_even_where_its_path_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "walk" / "frames"
    folder.mkdir(parents=True)
    write_image(folder / "1.png", quarters(0))
    monkeypatch.chdir(folder)
    here = open_footage(Path("."))
    assert (here.name, here.path) == ("frames", folder)
    write_image(tmp_path / "walk" / "2.png", quarters(0))
    assert open_footage(Path("..")).name == "walk"
    assert dataclasses.replace(here, path=Path("/")).name == "take"
