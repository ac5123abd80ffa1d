"""Known motions, rendered: `python benchmarks/rendered_truth.py [--motions M,..] [--cameras C,..]`.

Recorded motions of the test data move the open body; Blender's Workbench films them from three
cameras, the product captures the videos as any footage, and the clips are compared with what was
rendered. The motion `wave`, a 3 Hz wave of forearm and hand, is measured by itself: how much of
its amplitude is left. Footage, truth and captures stay in out/rendered_truth/<motion>_<camera>/:
a second run renders nothing and only captures. Needs the extras `dev` and `blender`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from machine import heading, shared_footage
from rendered_figures import Figures, before, figures, landmarks_pa_mm, true_slide_cm_s
from rendered_footage import captured, filmed
from rendered_motions import MOTIONS, WAVE_HZ, recorded, wave
from rendered_views import VIEWS
from rendered_wave import CLIP, WAVE_VIEW, kept_shares

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.rigs.skeleton import JOINT_NAMES

OUT = Path(__file__).resolve().parents[1] / "out" / "rendered_truth"
WAVE = "wave"
DEFAULT_MOTIONS = ("walk", "jacks", "jumps", "turn", WAVE)
WAVE_SECONDS = 3.0
WAVE_GATE = 0.9


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One view's figures before and after, and what belongs beside them."""

    before: Figures
    after: Figures
    landmarks_pa_mm: float
    true_slide_cm_s: float
    found: float


COLUMNS = (
    ("joints mm", "joints_mm", "6.0f"),
    ("PA mm", "pa_mm", "6.0f"),
    ("rotation deg", "degrees", "6.1f"),
    ("root mm", "root_mm", "6.0f"),
    ("path mm", "path_mm", "6.0f"),
    ("contact F1", "contact_f1", "6.2f"),
    ("accel. share", "acceleration", "6.2f"),
    ("slide cm/s", "slide_cm_s", "6.1f"),
)


def measure(name: str, view: str, options: argparse.Namespace, body: BodyModel) -> Outcome:
    """Film, capture and compare one motion from one camera."""
    mocap = shared_footage(options.footage) / "mocap"
    performance = recorded(name, mocap, body, options.seconds)
    camera = VIEWS[view](performance.joints)
    shot = filmed(performance, camera, options.out / f"{name}_{view}", body)
    raw, clip = captured(shot)
    return Outcome(
        before=figures(before(raw, body), performance, body),
        after=figures(clip, performance, body),
        landmarks_pa_mm=landmarks_pa_mm(raw, performance),
        true_slide_cm_s=true_slide_cm_s(performance),
        found=len(raw.frame_index) / len(performance.time_s),
    )


def mean(of: Sequence[Figures]) -> Figures:
    """The mean of every figure."""
    names = [f.name for f in fields(Figures)]
    return Figures(**{n: np.mean([getattr(one, n) for one in of], axis=0) for n in names})


def row(name: str, outcome: Outcome) -> str:
    """One line of the table: each figure before and after."""
    cells = ""
    for _, field, style in COLUMNS:
        for one in (outcome.before, outcome.after):
            cells += format(float(np.median(getattr(one, field))), style)
        cells += "  "
    return (
        f"{name:<16}{outcome.found:>6.0%}  {cells}{outcome.true_slide_cm_s:6.1f}"
        f"{outcome.landmarks_pa_mm:9.0f}{outcome.after.twelve_pa_mm:6.0f}"
    )


def table(outcomes: dict[str, Outcome]) -> str:
    """All views and their mean; then the joints, one by one."""
    every = list(outcomes.values())
    total = Outcome(
        before=mean([o.before for o in every]),
        after=mean([o.after for o in every]),
        landmarks_pa_mm=float(np.mean([o.landmarks_pa_mm for o in every])),
        true_slide_cm_s=float(np.mean([o.true_slide_cm_s for o in every])),
        found=float(np.mean([o.found for o in every])),
    )
    titles = "".join(f"{title:>12}  " for title, _, _ in COLUMNS)
    lines = [
        f"{'':<16}{'found':>6}  {titles}{'true':>6}{'PA mm of 12:':>15}",
        f"{'':<16}{'':>6}  {'before after  ' * len(COLUMNS)}{'slide':>6}{'raw':>9}{'after':>6}",
        *(row(name, outcome) for name, outcome in outcomes.items()),
        row("mean", total),
        "",
        f"{'mean of all':<18}{'mm before':>10}{'after':>8}{'deg before':>12}{'after':>8}",
    ]
    for joint, name in enumerate(JOINT_NAMES[: len(total.after.degrees)]):
        millimetres = f"{total.before.joint_mm[joint]:10.0f}{total.after.joint_mm[joint]:8.0f}"
        degrees = f"{total.before.degrees[joint]:12.1f}{total.after.degrees[joint]:8.1f}"
        lines.append(f"{name:<18}{millimetres}{degrees}")
    return "\n".join(lines)


def print_wave(body: BodyModel, out: Path) -> None:
    """Film and capture the wave, and print how much of its amplitude each stage keeps."""
    performance = wave(body, WAVE_SECONDS)
    view = VIEWS[WAVE_VIEW](performance.joints)
    shot = filmed(performance, view, out / f"{WAVE}_{WAVE_VIEW}", body)
    raw, clip = captured(shot)
    print(f"\n{WAVE_HZ:g} Hz wave: share of its amplitude kept")
    stages = kept_shares(raw, before(raw, body), clip, shot)
    for stage, shares in stages.items():
        print(f"{stage:<22}" + "".join(f"{part:>10} {s:4.0%}" for part, s in shares.items()))
    verdict = "passes" if min(stages[CLIP].values()) >= WAVE_GATE else "FAILS"
    print(f"gate {WAVE_GATE:.0%}: {verdict}")


def _chosen(text: str, known: Sequence[str]) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(known):
        raise argparse.ArgumentTypeError(f"choose from {','.join(known)}")
    return names


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each recorded motion")
    parser.add_argument("--out", type=Path, default=OUT, help="footage, truth and captures")
    motions, cameras = (*MOTIONS, WAVE), tuple(VIEWS)
    parser.add_argument(
        "--motions", type=lambda text: _chosen(text, motions), default=list(DEFAULT_MOTIONS)
    )
    parser.add_argument(
        "--cameras", type=lambda text: _chosen(text, cameras), default=list(cameras)
    )
    options = parser.parse_args()
    print(heading())
    body = load_open_body()
    outcomes = {
        f"{name} {view}": measure(name, view, options, body)
        for name in options.motions
        if name != WAVE
        for view in options.cameras
    }
    if outcomes:
        print(table(outcomes))
    if WAVE in options.motions:
        print_wave(body, options.out)


if __name__ == "__main__":
    main()
