"""`ais_bench`, the inference benchmark: runs an offline model in a loop and prints its throughput.

Imitates Ascend's tool of that name (Ascend/tools, ais-bench_workload): its options and its lines. All times
are device time.
"""
