"""How the simulated device is put under PyTorch. Private: learners use `torch.npu` and `torch_npu`.

| module | concept |
| --- | --- |
| dlpack | the same memory seen as a CPU tensor and as an NPU tensor |
| guard | the device guard that lets PyTorch count more than one NPU |
| runtime | initialisation, current device and stream, forked children |
| storages | device memory held by tensors, with its accounting |
| signatures | what of an operator's schema a kernel has to know |
| kernels | an operator run on the CPU alias of device memory and charged to the device |
| views, copies, factories, resizing | the operators that need more than that |
| generators | random numbers |
| op_names | what the profiler calls an operator, and what it costs like |
| registration | which operator gets which kernel |
"""
