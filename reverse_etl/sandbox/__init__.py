"""Stand-in servers for tests, the demo and benchmarks: real HTTP on loopback, with faults on demand."""
