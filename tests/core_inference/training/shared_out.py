"""One training for `torchrun`: a small network on the demo's motion; the first process saves it.

`python shared_out.py CLIP OUT`: run with any number of processes; the batch is that of all.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core_inference.training.samples import tiny_body, tiny_session, tiny_settings

from pose2rig.core_inference.training.distributed import process_group
from pose2rig.core_inference.training.loop import run


def main() -> None:
    clip, out = Path(sys.argv[1]), Path(sys.argv[2])
    with process_group("cpu") as group:
        session = tiny_session(tiny_settings(clip, out), tiny_body(), group=group)
        assert (group.rank == 0) == group.is_first
        run(session)


if __name__ == "__main__":
    main()
