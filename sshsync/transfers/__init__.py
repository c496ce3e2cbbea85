"""How bytes move from a parent into a child's staging directory, and nothing more."""
