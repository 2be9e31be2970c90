"""Hidden checks of "Words"."""

from camp.checks import Ask, check


@check("shout", points=4, title="any word")
def any_word(ask: Ask) -> None:
    word = ask.random.choice(["shenzhen", "kunpeng", "atlas"])
    came = ask.run("result = shout(word)", word=word)
    ask.expect(came == f"你好 {word.upper()}!", given=word, expected=f"你好 {word.upper()}!", came=came)
