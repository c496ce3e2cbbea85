"""The configuration: one option table, one pass, all problems in one report."""
