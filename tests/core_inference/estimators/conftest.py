"""Fixtures of the estimators."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write an object with torch.save, in today's format or the one before torch 1.6."""
    torch = pytest.importorskip("torch")

    def save(obj: object, name: str = "snapshot_6.pth.tar", *, zipped: bool = True) -> Path:
        path = tmp_path / name
        torch.save(obj, path, _use_new_zipfile_serialization=zipped)
        return path

    return save
