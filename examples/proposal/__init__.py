"""A proposal from files to the forum post: the commands, and what they write."""
