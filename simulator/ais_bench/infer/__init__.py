"""ais_bench's Python interface, under the real package's name."""
