"""sshsync: chained, verified, resumable file repositories over nothing but SSH.

The library's entry is `sshsync.api`; importing this package alone loads nothing else.
"""

from sshsync import version

__version__ = version.VERSION

__all__ = ["__version__"]
