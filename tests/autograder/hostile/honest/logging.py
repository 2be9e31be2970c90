# ---
# about: Logs at every level, with the logger that libraries use.
# ---
# %% double
import logging

logging.basicConfig(level=logging.DEBUG, format="%(funcName)s %(lineno)d %(message)s")
log = logging.getLogger(__name__)
log.warning("started")


def double(x):
    log.info("doubling %s", x)
    log.exception("no error", stack_info=True)
    return 2 * x
