"""What the long runs came to, each by its own tool's report: in one file for programs, and on a page for people."""
