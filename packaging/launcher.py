#!@PYTHON@ -IS
# Isolated: nothing of the environment, of the account or of the host's own modules is imported.
import sys

sys.path.insert(0, "@SITE@")
sys.dont_write_bytecode = True

from sshsync.cli.main import main

main()
