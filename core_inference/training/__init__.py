"""Training the papers' networks: labelled people, augmentation, losses, and the loop.

Needs torch, which the research extra brings; nothing outside this package imports it but the
`train` command, and only when it runs.
"""
