"""How a product is cut up among cores and tiles, as the explorable of the Cube shows it."""

import npusim
import pytest
from npusim.constants import number
from npusim.cost_model import chosen_cut
from npusim.cube import fractal, tile
from npusim.exceptions import InvalidArgumentError
from npusim.rates import L0C_ELEMENT

CHIPS = ("Ascend910B3", "Ascend310P3", "Ascend310B4")
SIZES = ((1, 1, 1), (16, 17, 1000), (4096, 64, 100), (1024, 1024, 1024))


def matmul(m, k, n, dtype="float16"):
    """The product of an (m, k) with a (k, n) matrix."""
    specs = [npusim.TensorSpec(shape, dtype) for shape in ((m, k), (k, n), (m, n))]
    return npusim.Op("MatMulV2", "matmul", specs[:2], specs[2:])


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_the_chosen_cut_is_what_the_cost_charges(name, sizes, dtype):
    """Cores and Cube time of the cut are those of the cost, in nanoseconds of the chip's clock."""
    chip = npusim.find_chip(name)
    op = matmul(*sizes, dtype)
    (products, m, n, cores), cost = chosen_cut(chip, op), npusim.cost(chip, op)
    assert products == 1
    assert cores == cost.blocks <= chip.cubes
    fm, fk, fn = fractal(chip, dtype)
    cycles = tile(chip, m, -(-sizes[1] // fk), n).cycles
    assert round(cycles / (chip.clock_mhz / 1000 * number("cube_efficiency"))) == cost.cube
    assert cores == -(-sizes[0] // (m * fm)) * -(-sizes[2] // (n * fn))


@pytest.mark.parametrize("name", CHIPS)
def test_no_cut_is_better_than_the_chosen_one(name):
    """Of all ways to deal out rows and columns to the cores, none takes less time."""
    chip = npusim.find_chip(name)
    for sizes in ((1, 1, 1), (40, 500, 3000), (2000, 64, 48), (700, 700, 700)):
        cost = npusim.cost(chip, matmul(*sizes))
        rows, depth, columns = (-(-size // 16) for size in sizes)
        fastest = min(
            tile(chip, -(-rows // m), depth, -(-columns // n)).cycles
            for m in range(1, chip.cubes + 1)
            for n in range(1, chip.cubes // m + 1)
        )
        least = fastest / (chip.clock_mhz / 1000 * number("cube_efficiency"))
        assert cost.cube >= round(least)
        assert cost.duration >= round(number("task_overhead_ns") + least)


@pytest.mark.parametrize("name", CHIPS)
def test_a_tile_of_results_fits_twice_into_l0c(name):
    """While one tile leaves L0C, the next one is accumulated beside it."""
    chip = npusim.find_chip(name)
    for mb, kb, nb in ((1, 1, 1), (64, 64, 64), (1, 7, 300), (300, 7, 1)):
        found = tile(chip, mb, kb, nb)
        assert 2 * found.m * found.n * 16 * 16 * L0C_ELEMENT <= chip.l0c_bytes
        assert found.m <= mb
        assert found.n <= nb
        assert found.cycles >= found.cube == mb * kb * nb


def test_what_the_cube_does_not_do_has_no_share():
    """An addition is named in the refusal, with what could be asked instead."""
    x = npusim.TensorSpec((16, 16), "float16")
    with pytest.raises(InvalidArgumentError, match=r"Add of kind 'elementwise' is no product; ask for"):
        chosen_cut(npusim.find_chip("Ascend910B3"), npusim.Op("Add", "elementwise", [x, x], [x]))
