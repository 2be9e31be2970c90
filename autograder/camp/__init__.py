"""The grading pipeline of CANN Camp, behind the command `camp`."""
