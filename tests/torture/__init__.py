"""The torture: everything runs as processes, everything that can break is broken, and nothing may be lost."""
