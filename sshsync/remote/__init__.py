"""The words spoken to a host: how commands and names are encoded, what scripts run, how answers are framed."""
