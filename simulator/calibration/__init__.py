"""Fits the cost model's constants on published throughputs, and prints how far the model is from them."""
