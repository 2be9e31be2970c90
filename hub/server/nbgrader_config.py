"""nbgrader on every server of the class: one course, its exchange, and who submits.

CAMP_COURSE_ID is the course's name in the exchange, CAMP_EXCHANGE the exchange's folder. CAMP_COURSE, for
instructors alone, is the folder that holds `exercises/` and `class/`, below which `build/course` is made.
"""

import os

c = get_config()  # noqa: F821 - nbgrader gives it to its configuration

c.CourseDirectory.course_id = os.environ["CAMP_COURSE_ID"]
c.Exchange.root = os.environ["CAMP_EXCHANGE"]
# All servers may run as one user, or as a number without a name: who submits is who signed in.
c.ExchangeCollect.check_owner = False

if os.environ.get("CAMP_COURSE"):
    from pathlib import Path

    from camp.plugins import configure

    configure(c, Path(os.environ["CAMP_COURSE"]))
else:
    c.CourseDirectory.student_id = os.environ["JUPYTERHUB_USER"]
