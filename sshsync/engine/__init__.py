"""Orchestration: one run, its links, its scans, its moves, its records. Its only output is events."""
