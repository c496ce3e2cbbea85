"""The demonstration: real hosts in processes of their own, the real command line, a failure, a resume."""
