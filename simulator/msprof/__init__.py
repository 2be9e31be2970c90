"""`msprof`: runs an application and writes what the device did, in the form of CANN's profiler."""
