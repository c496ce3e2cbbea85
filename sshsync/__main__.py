"""``python -m sshsync``."""

from sshsync.cli.main import main

main()
