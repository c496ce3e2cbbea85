"""How a host is reached: connections that start scripts and carry their bytes."""
