"""What rendering cannot show: `python benchmarks/known_landmarks.py [--footage DIR] [--seconds S]`.

Every BVH motion of the test data is carried over to the open body, up to 20 s of it; its
landmarks, exact and then with noise, lost limbs and exchanged sides at the rates measured on the
estimator (`estimated_landmarks.py`), go through the default processing. Printed per motion: mean
error of the 55 joints, pelvises together, the worlds turned about z once (gate for exact
landmarks: 5 mm; `solved` before, `clip` after smoothing and ground); F1 of the contacts (gate:
0.9; none where the recorded feet float most of the time); horizontal slide of heels and toes while
the clip says they stand (gate: 0.3 cm/s) and, `true feet`, while the truth says so, beside the
truth's own slide then; drift: how far the way of the root from the first second to the last half
second is off, in the camera's axes that both worlds share, as a share of the path (gate: 2 %; none
for a path under 2 m), and `turned`, with both worlds laid together by the body of the first second:
then its wrong turn counts, too, by the whole way from there.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from estimated_landmarks import as_estimated
from exact_joints import known_and_seen, motion_files
from machine import heading
from rendered_motions import true_contacts

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.metrics import foot_slide
from pose2rig.core_inference.motion.soles import sole_points, soles_of
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.motion_metrics import contact_f1
from pose2rig.core_inference.pose_metrics import level_alignment, point_errors
from pose2rig.core_inference.synthetic import KnownMotion
from pose2rig.rigs.skeleton import world_rotations

SECONDS, RATE_HZ = 20.0, 30.0
SHORT_M = 2.0
STANDS = 0.2
"""A shorter path says nothing of drift, feet that stand more rarely nothing of contacts."""

GATES = {"joints": 5.0, "contacts": 0.9, "slide": 0.3, "drift": 2.0}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One motion's figures; drifts in % of the path, None where that is short; no contacts where
    the recorded feet float; slides in cm/s: where the clip says that soles stand, where the truth
    does, and the truth's own there."""

    solved_mm: float
    clip_mm: float
    contact_f1: float | None
    slide_cm_s: float
    true_feet_cm_s: float
    truth_cm_s: float
    drift: float | None
    turned: float | None
    path_m: float


def measure(known: KnownMotion, raw: RawTake, body: BodyModel) -> Outcome:
    """One take's figures beside the truth."""
    clip = process(raw, body, MotionSettings())
    world = np.asarray(world_rotations(known.rotations), dtype=np.float64)
    soles = soles_of(body, known.open_betas).at(world, known.joints)
    contacts = true_contacts(soles, clip.time_s)
    path_m = float(np.linalg.norm(np.diff(known.joints[:, 0, :2], axis=0), axis=-1).sum())
    goes = path_m >= SHORT_M
    own_soles = sole_points(clip, body)
    return Outcome(
        solved_mm=_joints_mm(solve(raw, body), known),
        clip_mm=_joints_mm(clip, known),
        contact_f1=contact_f1(clip.contacts, contacts) if contacts.mean() >= STANDS else None,
        slide_cm_s=100 * foot_slide(own_soles, clip.contacts, clip.time_s),
        true_feet_cm_s=100 * foot_slide(own_soles, contacts, clip.time_s),
        truth_cm_s=100 * foot_slide(soles, contacts, clip.time_s),
        drift=100 * _off_at_the_end_m(clip, known, turned=False) / path_m if goes else None,
        turned=100 * _off_at_the_end_m(clip, known, turned=True) / path_m if goes else None,
        path_m=path_m,
    )


def _joints_mm(clip: Clip, known: KnownMotion) -> float:
    own = clip.joints.astype(np.float64)
    about = own - own[:, :1], known.joints - known.joints[:, :1]
    turn, _ = level_alignment(*(joints.reshape(-1, 3) for joints in about))
    return 1000 * float(point_errors(about[0] @ turn.T, about[1]).mean())


def _off_at_the_end_m(clip: Clip, known: KnownMotion, *, turned: bool) -> float:
    """How far the pelvis is off in the last half second, the first second laid together."""
    first, last = slice(0, round(RATE_HZ)), slice(-round(RATE_HZ / 2), None)
    own = clip.joints[:, :22].astype(np.float64)
    truth = known.joints[:, :22]
    turn, shift = level_alignment(own[first].reshape(-1, 3), truth[first].reshape(-1, 3))
    if not turned:
        turn, shift = np.eye(3), (truth[first, 0] - own[first, 0]).mean(axis=0)
    off = (own[last, 0] @ turn.T + shift - truth[last, 0])[:, :2]
    return float(np.linalg.norm(off, axis=-1).mean())


def row(name: str, outcome: Outcome, *, exact: bool) -> str:
    """The figures, each with what its gate says."""
    drift, turned = (
        "   -  " if share is None else f"{share:6.2f}" for share in (outcome.drift, outcome.turned)
    )
    feet = f"{outcome.true_feet_cm_s:.1f} / {outcome.truth_cm_s:.1f}"
    contacts = "  -  " if outcome.contact_f1 is None else f"{outcome.contact_f1:5.3f}"
    passes = {
        "joints": not exact or outcome.solved_mm < GATES["joints"],
        "contacts": outcome.contact_f1 is None or outcome.contact_f1 >= GATES["contacts"],
        "slide": outcome.slide_cm_s <= GATES["slide"],
        "drift": outcome.drift is None or outcome.drift <= GATES["drift"],
    }
    failed = [gate for gate, good in passes.items() if not good]
    verdict = f"FAILS {', '.join(failed)}" if failed else "passes"
    return (
        f"{name:<26}{outcome.solved_mm:8.1f}{outcome.clip_mm:8.1f}{contacts:>10}"
        f"{outcome.slide_cm_s:8.2f}{feet:>13}{drift:>9}{turned:>8}{outcome.path_m:8.1f}  {verdict}"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    paths = motion_files(options.footage)
    print(heading())
    body = load_open_body()
    for what in ("exact", "as estimated"):
        print(
            f"{what + ' landmarks':<26}{'solved':>8}{'clip mm':>8}{'contacts':>10}{'slide':>8}"
            f"{'true feet':>13}{'drift %':>9}{'turned':>8}{'path m':>8}"
        )
        for path in paths:
            known, raw = known_and_seen(path, body, RATE_HZ, options.seconds)
            exact = what == "exact"
            take = raw if exact else as_estimated(raw, options.seed)
            print(row(path.stem, measure(known, take, body), exact=exact), flush=True)
        print()


if __name__ == "__main__":
    main()
