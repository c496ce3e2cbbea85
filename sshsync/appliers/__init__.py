"""How what was prepared becomes true on one child: staged, verified, published, deleted; by kind of item."""
