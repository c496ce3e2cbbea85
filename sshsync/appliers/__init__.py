"""Appliers: how what a link prepared becomes true on one child."""
