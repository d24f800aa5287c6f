"""Sound from files, bytes, file objects and arrays, as mono blocks of one rate.

Everything is streamed: a source of any length passes through in blocks of bounded
size, so memory does not grow with the duration.
"""

from genreclf.audio.remote import RemoteFile, find_remote, is_address
from genreclf.audio.sources import AudioSource, source_name
from genreclf.audio.stream import AudioStream, load_audio, load_channels, open_audio
from genreclf.audio.suffixes import AUDIO_SUFFIXES, is_audio_path

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioSource",
    "AudioStream",
    "RemoteFile",
    "find_remote",
    "is_address",
    "is_audio_path",
    "load_audio",
    "load_channels",
    "open_audio",
    "source_name",
]
