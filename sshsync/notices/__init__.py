"""Who is told how a run went: monitoring, mail, a command, files for collectors."""
