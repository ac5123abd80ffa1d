"""Which estimator: the choice of --estimator made into one that is ready to look.

The research networks' code, and with it torch, is imported only when one of them is chosen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...rigs.errors import EngineError
from ..footage import Footage
from ..lens import focal_length_px
from ..settings import CaptureSettings
from .base import Estimator
from .landmark_models import open_landmark_models
from .landmarks import LandmarkEstimator

if TYPE_CHECKING:
    from .bodies import ResearchBody
    from .research import PersonNetworks
    from .root import Lens
    from .rooting import RootNetworks
    from .running import NetworkLoader


NO_NETWORK = (
    "--checkpoint, --exact and --half change nothing: the estimator is landmarks; choose a "
    "research network with --estimator"
)

PLACED_BY_ROOTNET = ("i2l-meshnet",)
"""Estimators whose networks ask RootNet themselves; their pelvis' pixel is their mesh's."""

POSENETS = ("posenet_muco", "posenet_h36m")
"""The networks that PoseNet's file may hold."""


def open_estimator(settings: CaptureSettings, footage: Footage) -> Estimator:
    """Return the estimator that was asked for, its models read and checked.

    Checkpoints are read first, then body models. Raises ModelFileError for a file that is missing
    or unusable, EngineError without the landmark models, the research extra or the wanted device.
    """
    is_default = settings.estimator == LandmarkEstimator.name
    if not is_default or settings.root == "rootnet":
        return _open_with_networks(settings, footage)
    estimator = _open_landmarks(settings)
    if settings.checkpoints or settings.exact or settings.half:
        estimator.warnings = (("estimator", NO_NETWORK),)
    return estimator


def _open_landmarks(settings: CaptureSettings) -> LandmarkEstimator:
    return LandmarkEstimator(open_landmark_models(settings.models))


def _open_with_networks(settings: CaptureSettings, footage: Footage) -> Estimator:
    _require_torch(settings)
    from .model_folder import ModelFolder
    from .root import Lens
    from .running import NetworkLoader, choose_device

    loader = NetworkLoader(
        models=ModelFolder(root=settings.models, overrides=settings.checkpoints),
        device=choose_device(settings.device),
        exact=settings.exact,
        half=settings.half,
    )
    lens = Lens(
        focal_px=focal_length_px(footage, settings), image_size=(footage.width, footage.height)
    )
    roots = None
    if settings.root == "rootnet":
        if settings.estimator in PLACED_BY_ROOTNET:
            loader.models.require("rootnet")
        else:
            roots = _open_roots(loader, lens)
    if settings.estimator != LandmarkEstimator.name:
        return _open_research(settings, loader, lens, roots)
    from .rooting import RootedLandmarks

    assert roots is not None, "landmarks alone need no networks"
    notices = (("licence", roots.licence_note), *loader.warnings)
    return RootedLandmarks(_open_landmarks(settings), roots, notices)


def _require_torch(settings: CaptureSettings) -> None:
    """Import torch; raises EngineError where the research extra is missing."""
    if not settings.exact:
        # torch's idle threads would spin while OpenVINO's work: 10 to 20 % slower on two cores.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch as _  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: a library of torch's that is not there
        is_default = settings.estimator == LandmarkEstimator.name
        wanted = "--root rootnet" if is_default else f"--estimator {settings.estimator}"
        raise EngineError(
            f"{wanted} needs the research extra",
            expected="torch and smplx in the engine's environment",
            actual=str(error) or type(error).__name__,
            next_step="install it with that environment's Python (in Blender: Engine's Python in "
            "the preferences): python -m pip install -r requirements/research.txt (README)",
        ) from error


def _open_roots(loader: NetworkLoader, lens: Lens) -> RootNetworks:
    """RootNet, and PoseNet where its file is."""
    from .rooting import RootNetworks

    rootnet = loader.load("rootnet")
    has_posenet = loader.models.find("posenet") is not None
    posenet = loader.load("posenet", POSENETS) if has_posenet else None
    return RootNetworks(rootnet, posenet, lens)


def _open_research(
    settings: CaptureSettings, loader: NetworkLoader, lens: Lens, roots: RootNetworks | None
) -> Estimator:
    from .research import ResearchEstimator
    from .rooting import RootedNetworks

    networks, body = _OPENERS[settings.estimator](loader, lens)
    if roots is not None:
        networks = RootedNetworks(networks, roots)
    warnings = [("licence", networks.licence_note)]
    if body.licence_note is not None:
        warnings.append(("licence", body.licence_note))
    if (lacks := body.lacks) is not None:
        warnings.append(("body_model", lacks))
    notices = (*warnings, *loader.warnings)
    return ResearchEstimator(_open_landmarks(settings), networks, body, lens, notices)


def _open_hand4whole(loader: NetworkLoader, lens: Lens) -> tuple[PersonNetworks, ResearchBody]:
    from .bodies import open_body_files
    from .hand4whole import Hand4WholeNetworks

    network = loader.load("hand4whole")
    body = open_body_files(loader.models)
    return Hand4WholeNetworks(network, body, lens), body


def _open_pose2pose(loader: NetworkLoader, lens: Lens) -> tuple[PersonNetworks, ResearchBody]:
    from .bodies import open_body_files
    from .pose2pose import Pose2PoseNetworks, Pose2PoseParts

    parts = Pose2PoseParts(
        body=loader.load("pose2pose_body"),
        hand=loader.load("pose2pose_hand"),
        face=loader.load("pose2pose_face"),
    )
    body = open_body_files(loader.models)
    return Pose2PoseNetworks(parts, lens), body


def _open_i2l_meshnet(loader: NetworkLoader, lens: Lens) -> tuple[PersonNetworks, ResearchBody]:
    from ..licensed_body import read_smpl_regressor
    from .bodies import open_body_files
    from .i2l_meshnet import NO_ROOTNET, I2LMeshNetworks
    from .model_folder import file_sha256

    network = loader.load("i2l_meshnet_body")
    rootnet = None
    if loader.models.find("rootnet") is not None:
        rootnet = loader.load("rootnet")
    else:
        loader.warnings.append(NO_ROOTNET)
    smpl = loader.models.require("smpl")
    network.fill("joint_regressor", read_smpl_regressor(smpl))
    body = open_body_files(loader.models)
    files = {**body.files, "smpl": file_sha256(smpl)}
    return I2LMeshNetworks(network, rootnet, lens), replace(body, files=files)


_OPENERS: dict[str, Callable[[NetworkLoader, Lens], tuple[PersonNetworks, ResearchBody]]] = {
    "hand4whole": _open_hand4whole,
    "pose2pose": _open_pose2pose,
    "i2l-meshnet": _open_i2l_meshnet,
}
