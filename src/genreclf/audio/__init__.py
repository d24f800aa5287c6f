"""Sound from files, bytes, file objects and arrays, as mono blocks at one sample rate.

Everything is streamed in blocks of bounded size, so memory does not grow with the duration.
"""

from genreclf.audio.files import AUDIO_SUFFIXES, find_files, is_audio_path
from genreclf.audio.sources import AudioSource, RemoteFile, is_url, source_name
from genreclf.audio.stream import AudioStream, load_audio, load_channels, open_audio

__all__ = [
    "AUDIO_SUFFIXES",
    "AudioSource",
    "AudioStream",
    "RemoteFile",
    "find_files",
    "is_audio_path",
    "is_url",
    "load_audio",
    "load_channels",
    "open_audio",
    "source_name",
]
