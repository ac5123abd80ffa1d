"""A layout that stands for Blender's: takes what Blender's own would take, and keeps every text."""

from functools import partial
from types import SimpleNamespace
from typing import Any

WIDTH_PX = 280
CHARACTERS = 34
"""What the panel takes to fit into a line of that width."""


class Layout:
    """A layout without a window: refuses what Blender's would, keeps texts and properties.

    Panels within the panel are closed or `unfolded`.
    """

    def __init__(self, functions: Any, *, unfolded: bool) -> None:
        self.drawn: list[str] = []
        self.buttons: list[SimpleNamespace] = []
        self._functions = functions
        self._unfolded = unfolded

    def prop(self, data: Any, field: str, **options: Any) -> None:
        self._check("prop", options)
        assert field in data.bl_rna.properties
        self.drawn.append(field)

    def template_icon(self, **options: Any) -> None:
        self._check("template_icon", options)
        self.drawn.append(f"icon {options['icon_value']}")

    def progress(self, **options: Any) -> None:
        self._check("progress", options)
        self.drawn.append(options["text"])

    def label(self, **options: Any) -> None:
        self._check("label", options)
        self.drawn.append(options["text"])

    def operator(self, name: str, **options: Any) -> SimpleNamespace:
        self._check("operator", options)
        button = SimpleNamespace(name=name, **options)
        self.drawn.append(name)
        self.buttons.append(button)
        return button

    def panel(self, name: str, **options: Any) -> "tuple[Layout, Layout | None]":
        self._check("panel", options)
        return self, self if self._unfolded else None

    def part(self, **options: Any) -> "Layout":
        self._check("split", options)
        return self

    row = column = box = split = part

    def _check(self, function: str, options: dict[str, Any]) -> None:
        parameters = self._functions[function].parameters
        assert set(options) <= set(parameters.keys())
        if "icon" in options:
            assert options["icon"] in parameters["icon"].enum_items


def drawn(bpy: Any, *, unfolded: bool = False) -> list[str]:
    """Every text, property and operator of the panel, from top to bottom."""
    return draw(bpy, unfolded=unfolded).drawn


def draw(bpy: Any, *, unfolded: bool = False) -> Layout:
    """The panel of the current scene, drawn."""
    from pose2rig.addon.panel import Pose2RigPanel

    context = SimpleNamespace(
        scene=bpy.context.scene,
        view_layer=bpy.context.view_layer,
        window_manager=bpy.context.window_manager,
        preferences=SimpleNamespace(
            addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0)
        ),
        region=SimpleNamespace(width=WIDTH_PX),
    )
    layout = Layout(bpy.types.UILayout.bl_rna.functions, unfolded=unfolded)
    panel = SimpleNamespace(layout=layout)
    panel._draw_settings = partial(Pose2RigPanel._draw_settings, panel)
    Pose2RigPanel.draw(panel, context)
    return layout
