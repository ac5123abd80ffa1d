"""How much memory one step of a network takes at most, counted at each of torch's operations."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class LargestTensor(TorchDispatchMode):
    """While it is entered, `numbers` is the size of the largest tensor any operation has made.

    Views of `weights` do not count.
    """

    def __init__(self, weights: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.numbers = 0
        self._weights = {_storage(weight) for weight in weights}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for values in made if isinstance(made, tuple | list) else (made,):
            if isinstance(values, Tensor) and _storage(values) not in self._weights:
                held = values.untyped_storage().nbytes() // values.element_size()
                self.numbers = max(self.numbers, held)
        return made


def _storage(values: Tensor) -> int:
    return values.untyped_storage()._cdata  # pyright: ignore[reportPrivateUsage]
