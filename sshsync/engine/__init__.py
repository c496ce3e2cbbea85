"""How a run goes: it is led, orders are carried out, all that happens is an event; nobody here knows what items are."""
