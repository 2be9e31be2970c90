"""Hidden checks of "Sums"."""

from camp.checks import Ask, check


@check("double", points=1, title="whole numbers")
def whole_numbers(ask: Ask) -> None:
    x = ask.random.randint(10, 10**6)
    came = ask.run("result = double(x)", x=x)
    ask.expect(came == 2 * x, given=x, expected=2 * x, came=came, why="Twice means times two.")


@check("double", points=1, title="fractions")
def fractions(ask: Ask) -> None:
    x = ask.random.uniform(1, 9)
    came = ask.run("result = double(x)", x=x)
    ask.expect(ask.close(came, 2 * x), given=x, expected=2 * x, came=came)


@check("total", points=2, title="a list of numbers")
def list_of_numbers(ask: Ask) -> None:
    numbers = [ask.random.randint(-99, 99) for _ in range(5)]
    came = ask.run("result = total(numbers)", numbers=numbers)
    ask.expect(came == sum(numbers), given=numbers, expected=sum(numbers), came=came)


@check("total", points=1, title="the empty list")
def empty_list(ask: Ask) -> None:
    came = ask.run("result = total([])")
    ask.expect(came == 0, given=[], expected=0, came=came)
