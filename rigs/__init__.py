"""Rigs: the skeleton, rotations, rest poses, bone mapping and retargeting, in numpy alone."""
