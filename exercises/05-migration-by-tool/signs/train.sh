#!/bin/bash
# Needs the cuda toolkit.
export CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7
export CUDA_HOME=/usr/local/cuda
nvidia-smi > cards.txt
torchrun --nproc_per_node 8 train.py --device=cuda:0 2> nccl.log
