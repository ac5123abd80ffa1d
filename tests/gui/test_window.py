import os, sys, json
from pathlib import Path
from .blender_window import BlenderWindow, install_extension, private_environment
from .display import Display

def test_try(tmp_path):
    blender = Path(os.environ["BLENDER"])
    env = private_environment(tmp_path / "home")
    install_extension(blender, Path("/tmp/guitry/pose2rig-0.0.1.zip"), env)
    d = Display.start()
    try:
        w = BlenderWindow.start(blender, d, env, tmp_path)
        print(w.call("blender_info"), w.round_trips_s)
        w.call("open_sidebar"); print(w.call("choose_tab"))
        print(w.call("watch_panels"))
        w.call("set_engine", python=sys.executable)
        r = w.call("rectangle", kind="UI"); print(r)
        print(json.dumps(w.call("panel_layout"))[:3000])
        import time; time.sleep(2)
        d.screenshot(Path("/tmp/guitry/a.png"))
        print(json.dumps(w.call("panel_layout"))[:3000])
        print(w.find_button("pose2rig.capture"))

        r = w.call("rectangle", kind="UI")
        d.drag((r["x"], r["y"] + 400), (r["x"] - 200, r["y"] + 400))
        print(w.call("rectangle", kind="UI"))
        print(w.find_button("pose2rig.capture"))
        print(w.call("panel_text"))
        d.screenshot(Path("/tmp/guitry/b.png"))
        w.kill()
    finally:
        d.stop()
