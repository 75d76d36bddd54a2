"""Sensors: waiting for what others have started."""
