"""The training loop: the same weights whether it ran through or was stopped and gone on with.

The order of an epoch follows from (seed, epoch), an item from (seed, epoch, its number): nothing
else has to be remembered but weights, optimiser and the count of steps.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ...rigs.errors import Cancelled, OutputError, UsageError
from .checkpointing import (
    Progress,
    TrainingState,
    load_snapshot,
    newest_snapshot,
    save_snapshot,
)
from .config import TrainingSettings
from .distributed import Group
from .evaluation import HeldOut, evaluate, mean_joints
from .items import TrainingItem, TrainingItems
from .networks import hold_still
from .objectives import Objective
from .recipes import Schedule

LOG_NAME = "log.jsonl"
SAY_EVERY_S = 10.0
MEAN_ITEMS = 256
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """All that a training is made of; the network is on the group's device.

    plain: the items without augmentation, for the mean person; should_stop: asked every step.
    """

    settings: TrainingSettings
    schedule: Schedule
    group: Group
    network: nn.Module
    objective: Objective
    items: TrainingItems
    plain: TrainingItems
    held_out: TrainingItems | None
    say: Callable[[str], None]
    should_stop: Callable[[], bool]

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches alone: the rest of an epoch's order is left out."""
        return len(self.items) // self.schedule.batch


def run(session: Session) -> HeldOut | None:
    """Train to the last epoch; returns the last measurement on held-out people.

    Snapshots and `log.jsonl` stand in the `out` folder. Raises Cancelled where should_stop says
    so, with a snapshot to go on from; UsageError, OutputError and ModelFileError.
    """
    _check(session)
    hold_still(session.network, session.settings.freeze)
    state = _state(session)
    start = _resumed(session, state)
    baseline = _mean_person(session)
    found: HeldOut | None = None
    per_epoch, last = session.steps_per_epoch, session.schedule.epochs
    model = session.group.wrapped(session.network)
    with ExitStack() as stack:
        log = _opened_log(session, stack)
        for epoch in range(start // per_epoch, last):
            first = start % per_epoch if epoch == start // per_epoch else 0
            _epoch(session, state, model, (epoch, first), log)
            found = _measured(session, baseline)
            _report(session, epoch, found, log)
    return found


def _epoch(
    session: Session,
    state: TrainingState,
    model: nn.Module,
    place: tuple[int, int],
    log: TextIO | None,
) -> None:
    """One epoch, from the step `place[1]` of it on, with a snapshot at its end."""
    epoch, first = place
    schedule, per_epoch = session.schedule, session.steps_per_epoch
    rate = schedule.learning_rate * (0.1 if epoch >= schedule.drop_epoch else 1.0)
    for options in state.optimizer.param_groups:
        options["lr"] = rate
    said = time.monotonic()
    for step, batch in enumerate(_batches(session, epoch, first), start=first):
        terms = train_step(session, state, model, batch)
        done = epoch * per_epoch + step + 1
        _write(log, {"epoch": epoch, "step": done, "learning_rate": rate, **terms})
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            _say(session, f"epoch {epoch} step {step + 1}/{per_epoch} loss {terms['total']:.4f}")
        save_every = session.settings.save_steps
        stop = session.group.agreed(session.should_stop())
        if step + 1 == per_epoch or stop or (save_every and done % save_every == 0):
            _save(session, state, epoch, done)
        if stop:
            raise Cancelled(done)


def train_step(
    session: Session, state: TrainingState, model: nn.Module, batch: TrainingItem
) -> dict[str, float]:
    """One step of the optimiser; returns the loss's terms and their total."""
    batch = _on_device(session, batch)
    dtype = _DTYPES[session.settings.precision]
    with torch.autocast(session.group.device.type, dtype=dtype, enabled=dtype != torch.float32):
        output = session.objective.predict(model, batch)
    terms = dict(session.objective.losses(_full(output), batch))
    total = torch.stack(list(terms.values())).sum()
    state.optimizer.zero_grad(set_to_none=True)
    state.scaler.scale(total).backward()
    state.scaler.step(state.optimizer)
    state.scaler.update()
    names = [*terms, "total"]
    values = torch.stack([*terms.values(), total]).detach().tolist()
    return dict(zip(names, values, strict=True))


def _full(output: Any) -> Any:
    """The network's output in single precision."""
    return type(output)(*(part.float() for part in output))


def _batches(session: Session, epoch: int, first: int) -> Iterator[TrainingItem]:
    """This process' share of the epoch's batches."""
    items, group, batch = session.items, session.group, session.schedule.batch
    items.epoch = epoch
    order = np.random.default_rng((session.settings.seed, epoch)).permutation(len(items))
    share = batch // group.size
    rows = [
        order[step * batch + group.rank * share :][:share].tolist()
        for step in range(first, session.steps_per_epoch)
    ]
    return iter(_loader(session, items, rows))


def _loader(
    session: Session, items: TrainingItems, rows: list[list[int]]
) -> "DataLoader[TrainingItem]":
    is_cuda = session.group.device.type == "cuda"
    # Its own generator: else the loader draws from torch's, and a resumed run would differ.
    return DataLoader(
        items,
        batch_sampler=rows,
        num_workers=session.settings.workers,
        pin_memory=is_cuda,
        generator=torch.Generator(),
    )


def _state(session: Session) -> TrainingState:
    learning = [part for part in session.network.parameters() if part.requires_grad]
    device = session.group.device.type
    return TrainingState(
        network=session.network,
        optimizer=torch.optim.Adam(learning, lr=session.schedule.learning_rate),
        scaler=torch.amp.GradScaler(device, enabled=session.settings.precision == "fp16"),
    )


def _check(session: Session) -> None:
    batch, size = session.schedule.batch, session.group.size
    if session.steps_per_epoch < 1:
        raise _usage("there is too little data", f"at least {batch} items", len(session.items))
    if batch % size:
        raise _usage("the batch cannot be shared out", f"a multiple of {size}", batch)
    if session.settings.precision == "fp16" and session.group.device.type != "cuda":
        raise _usage("fp16 needs a GPU", "a CUDA device", session.group.device.type)


def _usage(what: str, expected: str, actual: object) -> UsageError:
    next_step = "change the configuration (docs/training.md)"
    return UsageError(what, expected=expected, actual=str(actual), next_step=next_step)


# --- files -----------------------------------------------------------------------------------


def _progress(session: Session, epoch: int, step: int) -> Progress:
    return Progress(
        epoch=epoch,
        step=step,
        seed=session.settings.seed,
        items=len(session.items),
        batch=session.schedule.batch,
    )


def _save(session: Session, state: TrainingState, epoch: int, step: int) -> None:
    if session.group.is_first:
        save_snapshot(session.settings.out, state, _progress(session, epoch, step))


def _resumed(session: Session, state: TrainingState) -> int:
    """How many steps are done; the folder's newest snapshot is loaded where asked for."""
    newest = newest_snapshot(session.settings.out)
    if newest is None:
        return 0
    if not session.settings.resume:
        raise OutputError(
            f"{session.settings.out} holds an earlier training",
            expected="a folder without snapshots",
            actual=newest.name,
            next_step="write resume = true to go on with it, or choose another `out` folder",
        )
    return load_snapshot(newest, state, _progress(session, 0, 0)).step


def _opened_log(session: Session, stack: ExitStack) -> TextIO | None:
    if not session.group.is_first:
        return None
    path = session.settings.out / LOG_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return stack.enter_context(path.open("a", encoding="utf-8"))
    except OSError as error:
        raise OutputError(
            f"cannot write {path}",
            expected="a folder with write permission",
            actual=error.strerror or str(error),
            next_step="choose another `out` folder",
        ) from error


def _write(log: TextIO | None, row: dict[str, Any]) -> None:
    if log is not None:
        log.write(json.dumps(row) + "\n")
        log.flush()


# --- held-out people -------------------------------------------------------------------------


def _mean_person(session: Session) -> Tensor | None:
    """The mean of the labels of the first items, as they are without augmentation."""
    if session.held_out is None or not session.group.is_first:
        return None
    rows = [[k] for k in range(min(len(session.plain), MEAN_ITEMS))]
    return mean_joints(
        session.objective.true_joints(_on_device(session, batch))
        for batch in _loader(session, session.plain, rows)
    )


def _measured(session: Session, mean_K3: Tensor | None) -> HeldOut | None:
    if mean_K3 is None or session.held_out is None:
        return None
    size = session.schedule.batch // session.group.size
    order = list(range(len(session.held_out)))
    rows = [order[k : k + size] for k in range(0, len(order), size)]
    batches = (_on_device(session, batch) for batch in _loader(session, session.held_out, rows))
    found = evaluate(session.network, session.objective, batches, mean_K3)
    hold_still(session.network, session.settings.freeze)
    return found


def _on_device(session: Session, batch: TrainingItem) -> TrainingItem:
    device = session.group.device
    return TrainingItem(*(part.to(device, non_blocking=True) for part in batch))


def _report(session: Session, epoch: int, found: HeldOut | None, log: TextIO | None) -> None:
    if found is None:
        _say(session, f"epoch {epoch} done")
        return
    _write(log, {"epoch": epoch, **asdict(found)})
    errors = f"{found.joint_error_mm:.1f} mm (mean pose {found.mean_pose_error_mm:.1f} mm)"
    _say(session, f"epoch {epoch} done, held-out joint error {errors}")


def _say(session: Session, text: str) -> None:
    if session.group.is_first:
        session.say(text)
