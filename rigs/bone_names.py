"""Names of bones reduced to what they mean: a side and a word.

"mixamorig:LeftHandIndex1", "left_hand_index_01" and "hand.index.1.L" all say the left
"handindex1". Case, separators and name spaces are dropped, the mark of the side is found wherever
it stands, and a start that most bones of a rig share ("CC_Base_", "Bip001 ") is known for what it
is. Zeros before a number count only where two names differ in nothing else: a Biped's Finger1 and
Finger01 are two fingers' bones.
"""

import re
from collections import Counter
from dataclasses import dataclass

Key = tuple[str, str]

LEFT, RIGHT, MIDDLE = "left", "right", ""

_SIDES = {"left": LEFT, "l": LEFT, "lft": LEFT, "right": RIGHT, "r": RIGHT, "rgt": RIGHT}
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_NAMESPACE = re.compile(r".*[:|]")
_SHARED = 0.6  # of a rig's bones begin with the same word: it is the rig's, not the bone's


@dataclass(frozen=True, kw_only=True)
class BoneName:
    """What a bone's name says: side ("left", "right" or "") and its words, lower case."""

    side: str
    words: tuple[str, ...]

    @property
    def exact(self) -> Key:
        """The side and the words as one."""
        return self.side, _joined(self.words)

    @property
    def loose(self) -> Key:
        """The same without zeros before numbers."""
        return self.side, _joined(tuple(word.lstrip("0") or "0" for word in self.words))

    @property
    def stem(self) -> Key:
        """The same without the numbers at the end."""
        return self.side, _joined(self.words).rstrip("0123456789.")


def understood(names: tuple[str, ...]) -> list[BoneName]:
    """Read the names of one rig, (B,), which explain each other: "lfemur" has its "rfemur"."""
    lower = {name.lower() for name in names}
    return [_read(name, lower) for name in names]


def shared_start(names: list[BoneName]) -> tuple[str, ...]:
    """Words that most names of a rig begin with."""
    start: tuple[str, ...] = ()
    while True:
        size = len(start)
        counts = Counter(
            name.words[size]
            for name in names
            if name.words[:size] == start and len(name.words) > size + 1
        )
        word, count = counts.most_common(1)[0] if counts else ("", 0)
        if count < _SHARED * len(names):
            return start
        start = (*start, word)


def without_start(name: BoneName, start: tuple[str, ...]) -> BoneName:
    """The name without the rig's own words before it."""
    size = len(start)
    shortened = name.words[size:] if name.words[:size] == start else ()
    return BoneName(side=name.side, words=shortened or name.words)


def _joined(words: tuple[str, ...]) -> str:
    text = ""
    for word in words:
        gap = "." if word[0].isdigit() and text[-1:].isdigit() else ""
        text += gap + word
    return text


def _read(name: str, others: set[str]) -> BoneName:
    bare = _NAMESPACE.sub("", name) or name
    words = [piece.lower() for piece in _PIECES.findall(bare)]
    marks = [word for word in words if word in _SIDES]
    if marks:
        mark = max(marks, key=len)
        words.remove(mark)
        return BoneName(side=_SIDES[mark], words=tuple(words))
    return _with_glued_mark(name.lower(), words, others)


def _with_glued_mark(name: str, words: list[str], others: set[str]) -> BoneName:
    for mark, twin, side in (("l", "r", LEFT), ("r", "l", RIGHT)):
        if words and words[0].startswith(mark) and _twin(name, words[0], twin) in others:
            return BoneName(side=side, words=(words[0][1:], *words[1:]))
    return BoneName(side=MIDDLE, words=tuple(words))


def _twin(name: str, word: str, letter: str) -> str:
    return name.replace(word, letter + word[1:], 1)
