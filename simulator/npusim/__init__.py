"""The simulated Ascend hardware: chips, memory, streams, virtual time. Standard library only."""
