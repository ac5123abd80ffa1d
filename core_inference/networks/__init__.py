"""The papers' networks: torch modules that know nothing of files, images or people above them.

One network per file; every size stands in `build.py`. Module names are those of the authors'
checkpoints, so that a file's keys fit as they are.
"""
