"""How sshsync does beside its peers, on links of every kind. `script/bench --help` tells how to run it.

In the order in which it reads best:

- `row.py`: what a row of the table is, and how it is measured; `rows/`: all of them, a file for each theme.
- `lab.py`: the hosts of a row, and commands on the controller; `trees.py`: what is copied; `peers.py`: scp and rsync.
- `wire.py`: the link to a host, in a namespace or through one of the programs `relay.py` and `packets.py`.
- `table.py`, `plot.py`: figures as text and as pictures; `__main__.py`: the command line.
- `figures.json`: the figures that the page of benchmarks shows.
"""
