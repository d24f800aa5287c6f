"""A web page that classifies songs (the extra ``app``)."""
