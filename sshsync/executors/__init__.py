"""How orders are carried out: one after the other, side by side, or elsewhere."""
