"""Deliverables of a model that was migrated to the NPU: a template to start from, and a checker.

What a delivery holds and how its files read follows the migrated models of Ascend/ModelZoo-PyTorch.
"""
