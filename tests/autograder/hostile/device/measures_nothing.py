# ---
# about: Answers with the cost that the simulator would say, and calls nothing.
# verdict:
#   measure: failed|refused|error
# never: [steady_work, slow_first_call, varying_work]
# ---
# %% measure
import npusim


def device_ms(work, repeats):
    node = npusim.node()
    spec = npusim.TensorSpec((2048, 1024), "float32")
    return npusim.cost(node.device(0).chip, npusim.Op("Add", "elementwise", [spec, spec], [spec])).duration / 1e6
