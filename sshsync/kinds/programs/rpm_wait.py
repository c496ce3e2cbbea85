# What needs no dnf of jobs that one does.
import sys

from jobs import serve
from work import of_rpm

serve(of_rpm(sys.argv[3], True), sys.argv[2], {})
