"""The inference core: footage in, clips out. Never imports bpy."""

VERSION = "0.1.0"
