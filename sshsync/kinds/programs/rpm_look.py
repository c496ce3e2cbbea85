# Prints where packages of rpm are changed, and what was left there; with `make` the directory is made.
import sys

from work import left, of_rpm, say

PLACE = of_rpm(sys.argv[3], sys.argv[2] == "make")
say(work=PLACE, left=left(PLACE))
