"""From settings to a training that is ready to run: bodies, data, network, objective."""

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from ...rigs.errors import UsageError
from ..body_model import BodyModel, load_open_body
from ..estimators.model_folder import ModelFolder
from ..licensed_body import load_licensed_body
from .augmentation import NO_AUGMENTATION, AugmentationRanges
from .body_layer import OpenBodyLayer, SmplxLayer
from .clips import RenderedClips
from .coco import CocoPeople
from .config import ClipData, Data, TrainingSettings
from .distributed import Group, process_group
from .evaluation import HeldOut
from .items import TrainingItems, View
from .labels import PeopleSource
from .loop import Session, run
from .meshes import LabelMesh, body_mesh, right_hand_mesh
from .networks import prepared_network
from .recipes import RECIPES, Bodies, Recipe, Schedule


def train(
    settings: TrainingSettings, say: Callable[[str], None], should_stop: Callable[[], bool]
) -> HeldOut | None:
    """Train a network as its paper did, as far as the settings do not say otherwise.

    Under `torchrun` every process takes its share of each batch. Returns the last measurement on
    the held-out people. Raises UsageError, FootageError, ClipFileError, ModelFileError,
    OutputError and Cancelled.
    """
    with process_group(settings.device) as group:
        return run(session_of(settings, group, say, should_stop))


def session_of(
    settings: TrainingSettings,
    group: Group,
    say: Callable[[str], None],
    should_stop: Callable[[], bool],
    network: nn.Module | None = None,
) -> Session:
    """All that `run` needs; `network` takes the place of the one that the settings name."""
    recipe, body = RECIPES[settings.network], load_open_body()
    mesh = _mesh(settings, recipe, body)
    sources = _sources(settings, settings.data, body)
    held_out = _sources(settings, settings.held_out, body)
    network = network or prepared_network(settings, mesh, say if group.is_first else _silent)
    layer = _layer(settings, body)
    patch_wh = settings.patch or recipe.patch_wh
    bodies = Bodies(layer=layer.to(group.device), mesh=mesh)
    view = View(part=recipe.part, patch_wh=patch_wh, is_unit=recipe.is_unit, mesh=mesh)
    ranges = settings.augmentation or AugmentationRanges(rotation_deg=recipe.turn_deg)
    return Session(
        settings=settings,
        schedule=_schedule(settings, recipe.schedule),
        group=group,
        network=network.to(group.device),
        objective=recipe.objective(patch_wh, bodies),
        items=TrainingItems(sources, view, ranges, settings.seed),
        plain=TrainingItems(sources, view, NO_AUGMENTATION, settings.seed),
        held_out=TrainingItems(held_out, view, NO_AUGMENTATION, settings.seed)
        if held_out
        else None,
        say=say,
        should_stop=should_stop,
    )


def _silent(_text: str) -> None:
    """What all processes but the first say."""


def _schedule(settings: TrainingSettings, paper: Schedule) -> Schedule:
    names = ("batch", "learning_rate", "drop_epoch", "epochs")
    given = {name: getattr(settings, name) for name in names}
    return replace(paper, **{name: value for name, value in given.items() if value is not None})


def _layer(settings: TrainingSettings, body: BodyModel) -> OpenBodyLayer | SmplxLayer:
    if settings.body == "open":
        return OpenBodyLayer(body)
    path = ModelFolder(root=settings.models).require("smplx")
    return SmplxLayer(load_licensed_body(path))


def _mesh(settings: TrainingSettings, recipe: Recipe, body: BodyModel) -> LabelMesh | None:
    if recipe.mesh_points is None:
        return None
    if settings.body != "open":
        raise UsageError(
            f"{settings.network} learns the open body's mesh alone",
            expected='body = "open"',
            actual=f'body = "{settings.body}"',
            next_step="leave `body` out",
        )
    if recipe.part == "hand":
        return right_hand_mesh(body, settings.mesh_cell_m)
    return body_mesh(body, recipe.mesh_points, settings.mesh_cell_m)


def _sources(
    settings: TrainingSettings, data: tuple[Data, ...], body: BodyModel
) -> tuple[PeopleSource, ...]:
    """Sources with a body layer of their own on the CPU, for they may work in other processes."""
    is_open = settings.body == "open"
    layer = None if is_open else _layer(settings, body)
    return tuple(
        RenderedClips(
            part.clips,
            body,
            count=part.count,
            seed=part.seed,
            studio=replace(part.studio, has_open_shape=is_open),
        )
        if isinstance(part, ClipData)
        else CocoPeople(part, layer)
        for part in data
    )
