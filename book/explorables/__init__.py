"""What moves in the pages. No kernel stands behind a published page: widgets are tied with `jslink`."""
