"""A page for the browser: drop a song, see its genre (the extra ``app``)."""
