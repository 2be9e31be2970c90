"""Which database holds the gradebook: nbgrader's file, or a server named by an address."""

from __future__ import annotations

import os

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from camp.errors import GradebookError

DB_URL = "CAMP_DB_URL"
"""The environment variable that names a database, such as `postgresql://user:password@host/name`.

A password belongs in no file of the course.
"""


def configured_url() -> str | None:
    """The address that the environment gives, with the driver we have; None for nbgrader's file.

    Raises:
        GradebookError: it is no address.
    """
    given = os.environ.get(DB_URL, "").strip()
    if not given:
        return None
    try:
        url = make_url(given)
    except ArgumentError:
        raise GradebookError(
            f"{DB_URL} is no address of a database; write postgresql://user:password@host/name"
        ) from None
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")  # SQLAlchemy would look for psycopg2
    return url.render_as_string(hide_password=False)


def shown_url(url: str) -> str:
    """An address without its password; of a file, its path."""
    known = make_url(url)
    return known.database or url if is_file(url) else known.render_as_string(hide_password=True)


def is_file(url: str) -> bool:
    """Whether the database is a file of this machine."""
    return make_url(url).get_backend_name() == "sqlite"
