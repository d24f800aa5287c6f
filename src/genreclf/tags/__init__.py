"""Genres in the tags of MP3, M4A, FLAC and Ogg files, and how to take them back."""

from genreclf.tags.genre import read_genre, write_genre
from genreclf.tags.tagger import Change, Tagger, undo

__all__ = ["Change", "Tagger", "read_genre", "undo", "write_genre"]
