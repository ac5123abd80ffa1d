"""How much memory one step of a network takes at most, counted at each of torch's operations."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class LargestTensor(TorchDispatchMode):
    """While it is entered, `numbers` is the size of the largest tensor any operation has made."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for values in made if isinstance(made, tuple | list) else (made,):
            if isinstance(values, Tensor):
                held = values.untyped_storage().nbytes() // values.element_size()
                self.numbers = max(self.numbers, held)
        return made
