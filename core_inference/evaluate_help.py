"""What `pose2rig evaluate --help` says: text alone, so that the command starts fast."""

DESCRIPTION = """\
Compares CLIP with the known motion in REFERENCE (a clip, an AMASS / SMPL-X npz, a BVH or a .trc
file) at the clip's own times and prints how far apart they are. The two worlds are turned about
the vertical and moved onto each other once; a figure that the reference cannot give is left out.
An AMASS or SMPL-X motion moves the clip's body: its own shape belongs to a licensed model.
"""

FIGURES = """\
figures:
  MPJPE, MPVPE      mean distance of joints and of the skin's vertices in mm, with the part's root
                    together in every frame: the pelvis (the middle of the hips for BVH and .trc),
                    the wrist of a hand, the neck of the face
  PA-MPJPE, -MPVPE  the same after the best turn, size and shift of every frame
  F@5, F@15         F-score, 0 to 1, of a hand's vertices at 5 and 15 mm, after that alignment
  MRPE              mean distance of the root in the camera's space, and along its axes: x right,
                    y down, z away from it (where the reference knows the camera)
  root path         mean distance of the root with the worlds laid onto each other
  3DPCK, AUC        share of the body's joints nearer than 150 mm, and its mean over thresholds of
                    0 to 150 mm: rel with the roots together, abs in the camera's space
  acceleration      of the body's joints about the root: the clip's, the reference's, and the error
  jitter            mean third derivative of the body's joints, in m/s3
  foot slide        mean speed of heels and toes over the ground while they stand
  bone variation    how much the bones change their length: deviation over mean
  rotation          median angle between the joints' rotations, each in its parent's frame
  coverage          share of the reference's frames in which the person was seen
"""
