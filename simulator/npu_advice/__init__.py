"""Reads a profile of torch_npu's profiler and says what to change in the training, and what that will bring.

Each promise is a what-if: the recorded calls of the host and tasks of the device are played again without
what the change takes away. Only figures of the profile go in; what does not stand in it (a product in half
precision, say) is priced by the cost model of `npusim`. `msprof-analyze advisor` knows more faults and
names more interfaces; it promises nothing, which is why this exists beside it.
"""

from npu_advice.advice import Advice
from npu_advice.errors import AdviceError, NoProfileError, NoTimelineError
from npu_advice.profile import Profile, read_profile
from npu_advice.ranking import OperatorTotal, rank_operators
from npu_advice.rules import advise

__all__ = [
    "Advice",
    "AdviceError",
    "NoProfileError",
    "NoTimelineError",
    "OperatorTotal",
    "Profile",
    "advise",
    "rank_operators",
    "read_profile",
]
