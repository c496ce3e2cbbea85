"""Orchestration: one run, its links, its scans, its moves. Its only output is events."""
