"""A real chain in containers: networks, hosts and disks that can be cut, stopped and filled."""
