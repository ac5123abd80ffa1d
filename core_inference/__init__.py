"""The inference core: footage in, clips out. Never imports bpy."""
