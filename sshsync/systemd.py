"""What systemd wants to hear of a service of type notify (sd_notify(3)): one datagram for each message."""

import os
import socket


def tell(message: str) -> None:
    """Send a message such as ``READY=1`` to the service manager; nothing where there is none.

    Never raises: a manager that does not listen is no reason to stop working.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(message.encode("utf-8", "backslashreplace"), place)
    except OSError:
        return
