"""Write five short pieces of music, one each in the style of a genre.

Everything here is synthesised with NumPy and encoded with PyAV: no sample and no existing
melody is used, so the pieces can be shared freely. Run it as::

    python examples/songs/make_songs.py

and ``blues.flac``, ``disco.flac``, ``metal.flac``, ``classical.flac`` and ``reggae.flac`` appear
beside this script. The random generator has a fixed seed, so a second run writes the same music.

The file reads from the bottom up: ``main`` saves the songs, a song places the notes of
instruments on tracks, and an instrument turns a pitch (a MIDI note number, 69 is the A of 440 Hz)
into samples. A time in a song is in beats, a time in an instrument is in seconds.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float64]

RATE = 44_100  # everything is synthesised at this rate ...
FILE_RATE = RATE // 2  # ... and saved at this one, which keeps the files small
SEED = 2024

# --- Building blocks ------------------------------------------------------------------------------


def hertz(pitch: float) -> float:
    """Return the frequency of a MIDI note number."""
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def clock(seconds: float) -> Audio:
    """Return the time of every sample of a sound."""
    return np.arange(int(seconds * RATE)) / RATE


def smooth_ends(sound: Audio, attack: float = 0.003, release: float = 0.02) -> Audio:
    """Fade a sound in and out, so that it neither starts nor stops with a click."""
    t = np.arange(len(sound)) / RATE
    rising, falling = np.minimum(t / attack, 1), np.minimum(t[::-1] / release, 1)
    return sound * rising * np.sin(np.pi / 2 * falling) ** 2


def band(sound: Audio, low: float = 0, high: float = RATE, order: int = 2) -> Audio:
    """Keep what lies between two frequencies, with the slopes of a Butterworth filter."""
    size = len(sound) + RATE // 20  # room for the ringing, which would wrap around otherwise
    hz = np.fft.rfftfreq(size, 1 / RATE) + 1e-9
    gain = 1 / np.sqrt((1 + (low / hz) ** (2 * order)) * (1 + (hz / high) ** (2 * order)))
    return np.fft.irfft(np.fft.rfft(sound, size) * gain, size)[: len(sound)]


def convolve(sound: Audio, response: Audio) -> Audio:
    """Apply an impulse response, and cut the result to the length of the sound."""
    size = len(sound) + len(response)
    product = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(sound)]


# --- Effects --------------------------------------------------------------------------------------


def reverb(sound: Audio, rng: np.random.Generator, seconds: float, mix: float) -> Audio:
    """Add a room: an echo off every wall is much like noise that dies away."""
    t = clock(seconds)
    room = band(rng.standard_normal(len(t)) * 10 ** (-3 * t / seconds), 150, 4500, 1)
    return sound + mix * convolve(sound, room / np.sqrt(np.sum(room**2)))


def echo(sound: Audio, seconds: float, feedback: float, mix: float) -> Audio:
    """Add a tape echo, whose every repeat is duller than the one before."""
    delay, out, repeat = int(seconds * RATE), sound.copy(), mix * sound
    while delay < len(sound) and np.max(np.abs(repeat)) > 1e-3:
        repeat = band(np.concatenate([np.zeros(delay), repeat[:-delay]]), 200, 2500, 1)
        out += repeat
        repeat *= feedback
    return out


def amplifier(sound: Audio, drive: float) -> Audio:
    """Overdrive a guitar, then play it through a cabinet, which has no treble and no deep bass."""
    tight = band(sound, 110, 9000, 1)
    valve = np.tanh(drive * tight + 0.2) - np.tanh(0.2)  # the offset brings in even harmonics
    return band(valve, 90, 4200, 3) + 0.25 * band(valve, 2000, 4000)


# --- Instruments ----------------------------------------------------------------------------------


def kick(rng: np.random.Generator, click: float = 0.3, decay: float = 0.14) -> Audio:
    """Bass drum: a sine wave that falls in pitch, and the click of the beater."""
    t = clock(0.4)
    phase = 2 * np.pi * (48 * t + 3.2 * (1 - np.exp(-t / 0.022)))
    beater = band(rng.standard_normal(len(t)), 1500, 6000) * np.exp(-t / 0.005)
    return smooth_ends(np.tanh(1.6 * np.sin(phase)) * np.exp(-t / decay) + click * beater, 0.001)


def snare(rng: np.random.Generator, decay: float = 0.11, tone: float = 190) -> Audio:
    """Snare drum: two modes of the skin over the rattle of the wires."""
    t = clock(0.45)
    skin = np.sin(2 * np.pi * tone * t) + 0.6 * np.sin(2 * np.pi * 1.72 * tone * t)
    wires = band(rng.standard_normal(len(t)), 1400, 9500) * np.exp(-t / decay)
    return smooth_ends(0.6 * skin * np.exp(-t / 0.05) + 0.8 * wires, 0.001)


def cymbal(rng: np.random.Generator, decay: float) -> Audio:
    """Hi-hat or crash, by the decay: noise and a cluster of metallic tones."""
    t = clock(6 * decay)
    tones = np.sin(2 * np.pi * np.outer(rng.uniform(4000, 11000, 8), t)).sum(axis=0) / 4
    metal = band(rng.standard_normal(len(t)) + tones, 6000)
    return smooth_ends(metal * np.exp(-t / decay), 0.001)


def bass(pitch: float, seconds: float, bright: float = 1.0) -> Audio:
    """Electric bass: harmonics that die away the sooner the higher they are."""
    t, sound = clock(seconds), np.zeros(int(seconds * RATE))
    for k in range(1, 13):
        level = np.sin(np.pi * k / 4.3) / k ** (2 - 0.7 * bright)
        sound += level * np.sin(2 * np.pi * k * hertz(pitch) * t) * np.exp(-t * (0.9 + 0.8 * k))
    return smooth_ends(np.tanh(1.5 * sound), 0.006, 0.05)


def plucked(
    rng: np.random.Generator,
    pitch: float,
    seconds: float,
    bend: float = 0,
    vibrato: float = 0,
    ring: float = 0.996,
    bright: float = 5000,
) -> Audio:
    """Plucked string (Karplus-Strong): a burst of noise that a delay line goes on repeating.

    The delay is a whole number of samples, so the string is read at a varying speed: this is what
    tunes it, lets it start ``bend`` semitones away from the pitch, and gives it vibrato.
    """
    t, period = clock(seconds), round(RATE / hertz(pitch))
    glide = -bend * np.exp(-((t / 0.11) ** 2))
    shake = vibrato * np.clip(4 * t - 0.8, 0, 1) * np.sin(2 * np.pi * 5.6 * t)
    speed = hertz(pitch) * 2 ** ((glide + shake) / 12) * (period + 0.5) / RATE
    place = 1 + np.cumsum(speed)
    string = np.zeros(int(place[-1]) + 2 * period)
    string[1 : period + 1] = band(rng.standard_normal(period), 0, bright)
    for start in range(period + 1, len(string) - period, period):
        last = string[start - period : start] + string[start - period - 1 : start - 1]
        string[start : start + period] = ring / 2 * last
    sound = np.interp(place, np.arange(len(string)), string)
    return smooth_ends(sound / np.max(np.abs(sound)), 0.002, 0.04)


def piano(rng: np.random.Generator, pitch: float, seconds: float, force: float = 0.6) -> Audio:
    """Piano: stretched partials on two slightly different strings, and the hammer's knock.

    A harder blow (``force`` from 0 to 1) is brighter, and the damper falls after ``seconds``.
    """
    t, base = clock(seconds + 0.3), hertz(pitch)
    sound = np.zeros(len(t))
    for k in range(1, max(3, int(min(28, 8000 / base)))):
        hz = base * k * np.sqrt(1 + 0.0004 * k * k)
        level = (
            force * (0.15 + abs(np.sin(np.pi * k / 8.2))) / k * np.exp(-k * (0.42 - 0.3 * force))
        )
        pair = sum(np.sin(2 * np.pi * hz * c * t + rng.uniform(0, 6)) for c in (0.9997, 1.0003))
        fade = 0.8 * np.exp(-t * (1.2 + hz / 350)) + 0.2 * np.exp(-t * (0.3 + hz / 2500))
        sound += level * pair * fade
    knock = band(rng.standard_normal(len(t)), 80, 900) * np.exp(-t / 0.012)
    return smooth_ends(sound + 0.15 * force**2 * knock, 0.002, 0.3)


def strings(rng: np.random.Generator, pitch: float, seconds: float, sweep: float = 0.15) -> Audio:
    """Section of strings: three detuned sawtooth waves under a low-pass filter that closes."""
    t = clock(seconds)
    cutoff = 700 + 5500 * np.exp(-t / sweep)
    sound = np.zeros(len(t))
    for cents in (-9, 1, 8):
        wobble = 0.06 * np.sin(2 * np.pi * 5.2 * t + rng.uniform(0, 6))
        base = hertz(pitch + cents / 100) * 2 ** (wobble / 12)
        phase = 2 * np.pi * np.cumsum(base) / RATE + rng.uniform(0, 6)
        for k in range(1, min(24, int(9000 / base[0]))):
            sound += np.sin(k * phase) / k / (1 + (k * base / cutoff) ** 2)
    return smooth_ends(sound / 3, 0.025, 0.1)


def organ(pitch: float, seconds: float) -> Audio:
    """Electric organ: a few drawbars and the trembling of a rotating speaker."""
    t = clock(seconds)
    bars = {0.5: 0.5, 1: 1.0, 1.5: 0.5, 2: 0.6, 3: 0.25, 4: 0.3, 8: 0.08}
    sound = sum(level * np.sin(2 * np.pi * k * hertz(pitch) * t) for k, level in bars.items())
    return smooth_ends(sound * (1 + 0.15 * np.sin(2 * np.pi * 6.4 * t)), 0.004, 0.03)


# --- The sequencer --------------------------------------------------------------------------------


def pitches(names: str) -> list[int]:
    """Turn names such as ``"A3 C#4 Eb4"`` into MIDI note numbers."""
    scale = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    signs = {"#": 1, "b": -1}
    return [
        12 * int(name[-1]) + 12 + scale[name[0]] + sum(signs[sign] for sign in name[1:-1])
        for name in names.split()
    ]


def melody(text: str, length: float = 1) -> Iterator[tuple[float, int, float, float]]:
    """Yield beat, pitch, length and bend of the notes of a line.

    A note is written ``name/length^bend``, in beats and semitones; ``r`` is a rest. Where they
    are left out, the length is ``length`` and the bend is zero.
    """
    beat = 0.0
    for word in text.split():
        note, _, bend = word.partition("^")
        name, _, own = note.partition("/")
        beats = float(own or length)
        if name != "r":
            yield beat, pitches(name)[0], beats, float(bend or 0)
        beat += beats


def swing(beat: float) -> float:
    """Move the second eighth note of a beat to where the third triplet is."""
    whole, part = divmod(beat, 1)
    return whole + (part * 4 / 3 if part < 0.5 else 2 / 3 + (part - 0.5) * 2 / 3)


class Track:
    """A strip of silence on which sounds are placed, by the beat.

    Parameters
    ----------
    rng
        Source of the small differences of time and loudness that make a player human.
    bpm
        Beats a minute.
    seconds
        Length of the strip.
    """

    def __init__(self, rng: np.random.Generator, bpm: float, seconds: float) -> None:
        self.rng = rng
        self.beat = 60 / bpm
        self.audio: Audio = np.zeros(int(seconds * RATE))

    def play(self, beat: float, sound: Audio, gain: float = 1.0, loose: float = 0.003) -> None:
        """Add a sound at a beat; ``loose`` is how far from it a player strays, in seconds."""
        late, louder = np.clip(self.rng.standard_normal(2), -2, 2)
        start = max(0, int((beat * self.beat + loose * late) * RATE))
        room = len(self.audio) - start
        self.audio[start : start + len(sound)] += gain * (1 + 0.08 * louder) * sound[:room]

    def pattern(self, grid: str, hit: Callable[[], Audio], gain: float, step: float = 0.25) -> None:
        """Play a drum on a grid of steps: ``x`` is a blow, ``.`` a soft one, ``-`` none."""
        for count, mark in enumerate(grid):
            if mark != "-":
                self.play(count * step, hit(), gain if mark == "x" else 0.4 * gain)


def master(*tracks: Audio) -> Audio:
    """Mix tracks, round off the peaks, halve the sample rate, and fade in and out."""
    mix = band(np.sum(tracks, axis=0), 35)
    mix = np.tanh(1.2 * mix / np.quantile(np.abs(mix), 0.9995))
    spectrum = np.fft.rfft(band(mix, 0, 9800, 12))[: len(mix) // 4 + 1]
    spectrum[0] = 0
    halved = np.fft.irfft(spectrum, len(mix) // 2)
    seconds = np.arange(len(halved)) / FILE_RATE
    halved *= np.minimum(1, seconds / 0.005) * np.minimum(1, seconds[::-1] / 0.6)
    return 0.5 * halved / np.max(np.abs(halved))


# --- The songs ------------------------------------------------------------------------------------


def blues(rng: np.random.Generator) -> Audio:
    """Boogie in E: a shuffled guitar riff, a walking bass and a bending lead guitar."""
    riff, lead, foot, low = (Track(rng, 102, 11.5) for _ in range(4))
    for bar, root in enumerate(pitches("E2 A2 E2 B2")):
        for eighth in range(8):
            # The boogie: fifth, fifth, sixth, seventh over the root.
            upper = root + (7, 7, 9, 10)[eighth % 4]
            for string, pitch in enumerate((root, upper)):
                tone = plucked(rng, pitch, 0.5 * riff.beat, ring=0.992, bright=2500)
                strum = swing(4 * bar + eighth / 2) + 0.01 * string
                riff.play(strum, tone, 0.5 if eighth % 2 == 0 else 0.35)
        for beat, step in enumerate((0, 4, 7, 9)):
            foot.play(4 * bar + beat, kick(rng, 0.2, 0.1), 0.09)
            low.play(4 * bar + beat, bass(root - 12 + step, 0.9 * low.beat, 0.6), 0.25)
    lick = (
        "r/.5 B4 D5^.5 E5/1^2 D5 B4/1 r/1 G5/1^2 E5 D5^1 B4 A4 E4/1.5 r/.5 G4^1 A4 B4/1 D5 "
        "E5^2 G5/1^2 E5 D5 B4/1.5^1 r/.5 G4 E4/2"
    )
    for beat, pitch, length, bend in melody(lick, 0.5):
        if swing(beat) < 16:
            tone = plucked(rng, pitch, length * lead.beat + 0.1, bend, 0.35, 0.9985, 3600)
            lead.play(swing(beat), tone, 0.77)
    guitars = reverb(
        0.6 * (amplifier(lead.audio, 4.1) + amplifier(riff.audio, 1.2)), rng, 0.8, 0.15
    )
    hiss = 0.002 * band(rng.standard_normal(len(guitars)), 200, 6000)
    return master(guitars, foot.audio, low.audio, hiss)


def disco_drums(rng: np.random.Generator, drums: Track) -> None:
    """Four on the floor, with the hi-hat open off the beat and hands clapping on the back-beat."""
    drums.pattern(16 * "x---" + "x", lambda: kick(rng, 0.5), 0.95)
    drums.pattern(16 * "--x-", lambda: cymbal(rng, 0.09), 0.57)
    drums.pattern(16 * "xx-.", lambda: cymbal(rng, 0.02), 0.34)
    drums.pattern(8 * "----x---", lambda: snare(rng, 0.13, 210), 1.0)
    drums.pattern(8 * "----x---", lambda: band(snare(rng, 0.05), 900), 1.0)
    drums.pattern("x" + 63 * "-" + "x", lambda: cymbal(rng, 0.45), 0.4)


def disco(rng: np.random.Generator) -> Audio:
    """Groove in E minor: octave bass, scratched guitar and string stabs."""
    drums, low, section, scratch = (Track(rng, 124, 8.8) for _ in range(4))
    disco_drums(rng, drums)
    roots = pitches("E1 A1 C2 B1")
    chords = ("E4 G4 B4 D5", "E4 G4 A4 C#5", "E4 G4 B4 C5", "D#4 F#4 A4 B4")
    for bar, (root, chord) in enumerate(zip(roots, map(pitches, chords), strict=True)):
        for eighth in range(8):
            sound = bass(root + 12 * (eighth % 2), low.beat * 0.42, 1.0)
            low.play(4 * bar + eighth / 2, sound, 0.16)
        for beat, length in ((0, 0.6), (0.75, 0.3), (1.5, 0.4), (2.75, 1.1)):
            for pitch in (*chord, chord[0] + 12):
                section.play(4 * bar + beat, strings(rng, pitch, length * section.beat, 0.5), 0.47)
        for sixteenth in (1, 2, 4, 7, 9, 10, 12, 14, 15):
            for pitch in chord[1:]:
                muted = plucked(rng, pitch, 0.09, ring=0.97, bright=8000)
                scratch.play(4 * bar + sixteenth / 4, band(muted, 500), 0.16)
    for beat, pitch, _, _ in melody("B4 C#5 D#5 E5 F#5 G5 A5 B5", 0.25):
        section.play(14 + beat, strings(rng, pitch, 0.17, 0.4), 0.9)
    low.play(16, bass(roots[0], 1.0), 0.4)
    for pitch in pitches("E4 G4 B4 E5 B5"):
        section.play(16, strings(rng, pitch, 0.9, 0.3), 0.47)
    violins = reverb(section.audio, rng, 1.5, 0.34)
    return master(drums.audio, low.audio, violins, reverb(scratch.audio, rng, 0.4, 0.2))


def power_chord(rng: np.random.Generator, root: float, seconds: float, muted: bool) -> Audio:
    """Root, fifth and octave, damped by the palm of the hand or left to ring."""
    ring, bright = (0.985, 2200) if muted else (0.9992, 6000)
    chord = sum(plucked(rng, root + up, seconds, ring=ring, bright=bright) for up in (0, 7, 12))
    return 0.8 * chord * np.exp(-clock(seconds) / 0.07) if muted else 0.55 * chord


def metal_drums(rng: np.random.Generator, drums: Track) -> None:
    """Double kick in sixteenths under a back-beat, and a roll down the toms at the end."""
    drums.pattern(3 * (16 * "x" + 4 * "x-xx") + "x", lambda: kick(rng, 1.0, 0.06), 0.7)
    drums.pattern(24 * "x---", lambda: cymbal(rng, 0.12), 0.35)
    drums.pattern(11 * "----x---", lambda: snare(rng, 0.12, 220), 1.0)
    drums.pattern(3 * ("x" + 31 * "-") + "x", lambda: cymbal(rng, 0.6), 0.5)
    for step in range(8):
        drums.play(22 + step / 4, snare(rng, 0.08, 260 - 14 * step), 0.8)


def metal(rng: np.random.Generator) -> Audio:
    """Gallop in low E: palm-muted power chords, by two guitars, over double kick."""
    drums, left, right, low = (Track(rng, 176, 9.4) for _ in range(4))
    metal_drums(rng, drums)
    (string,) = pitches("E2")
    # A bar is sixteen steps: the fret of a chord that rings, x for a muted one, - for none.
    riff = ("0-xxx-3xx-xx1-xx", "0-xxx-6xx-5xx-3x", "0-xxx-3xx-xx7-xx", "8-xx7-xx3-xx1-xx")
    for step, mark in enumerate("".join(riff + riff[:2])):
        if mark == "-":
            continue
        muted = mark == "x"
        root, seconds = string + (0 if muted else int(mark)), 0.11 if muted else 0.22
        for guitar in (left, right):
            guitar.play(step / 4, power_chord(rng, root, seconds, muted))
        low.play(step / 4, bass(root - 12, seconds, 1.6), 0.4)
    for guitar in (left, right):
        guitar.play(24, power_chord(rng, string, 2.0, muted=False))
    low.play(24, bass(string - 12, 2.0, 1.6), 0.4)
    guitars = amplifier(left.audio, 12) + amplifier(right.audio, 9)
    return master(reverb(drums.audio, rng, 0.6, 0.12), 0.33 * guitars, low.audio)


def classical(rng: np.random.Generator) -> Audio:
    """Piano alone, in B minor: arpeggios that swell under a slow melody, and a held ending."""
    keys = Track(rng, 70, 11.4)
    arpeggios = (
        "B1 F#3 B3 D4 F#4 D4 B3 F#3",
        "G2 G3 B3 D4 G4 D4 B3 G3",
        "E2 G3 B3 E4 G4 E4 B3 G3",
        "F#2 F#3 A#3 C#4 E4 C#4 A#3 F#3",
        "D2 F#3 A3 D4 F#4 D4 A3 F#3",
    )
    swell = (0.40, 0.46, 0.56, 0.60, 0.46)
    for bar, (names, force) in enumerate(zip(arpeggios, swell, strict=True)):
        for step, pitch in enumerate(pitches(names)):
            held = (2 - step / 4) * keys.beat + 0.05  # the pedal is changed with the harmony
            blow = force + (0.14 if step == 0 else -0.02 * step)
            keys.play(2 * bar + step / 4, piano(rng, pitch, held, blow), 0.7, 0.008)
    tune = "F#5/1.5 E5/.5 D5 G5 B5/1.5 A5/.5 A#5 G5/.5 E5/.5 F#5 D5"
    for beat, pitch, length, _ in melody(tune):
        blow = swell[int(beat / 2)] + (0.12 if beat % 2 == 0 else 0.04)
        keys.play(beat + 0.02, piano(rng, pitch, length * keys.beat + 0.1, blow), 0.9, 0.006)
    for order, pitch in enumerate(pitches("B1 B2 F#3 B3 D4 B4")):
        keys.play(10.1 + 0.08 * order, piano(rng, pitch, 2.6, 0.4), 0.7)
    return master(reverb(keys.audio, rng, 2.2, 0.28))


def reggae(rng: np.random.Generator) -> Audio:
    """One-drop in A minor: off-beat skank, organ bubble, deep bass and a dub echo."""
    drums, low, skank, bubble, dub = (Track(rng, 75, 10.8) for _ in range(5))
    drums.pattern(12 * "x.x." + "x", lambda: cymbal(rng, 0.03), 0.4)
    drums.pattern(6 * "----x---", lambda: kick(rng, 0.2, 0.2), 0.9)
    drums.pattern(6 * "----x---", lambda: band(snare(rng, 0.04, 420), 300), 0.9)
    minor, fourth, seventh = pitches("A3 C4 E4 A4"), pitches("A3 D4 F4 A4"), pitches("G3 B3 D4 G4")
    for pair, chord in enumerate((minor, minor, fourth, seventh, minor, minor)):
        for pitch in chord:
            for beat in (2 * pair + 0.52, 2 * pair + 1.52):
                chop = plucked(rng, pitch, 0.14, ring=0.985, bright=6000)
                skank.play(beat, band(chop, 350), 0.5)
                skank.play(beat, piano(rng, pitch, 0.06, 0.7), 0.25)
            for beat, gain in ((0.27, 0.08), (0.52, 0.16), (0.77, 0.08)):
                bubble.play(2 * pair + beat, organ(pitch, 0.11), gain)
                bubble.play(2 * pair + beat + 1, organ(pitch, 0.11), gain)
    verse = "A1/.75 A1/.25 C2/.5 E2/.5 r/.5 E2/.25 D2/.25 C2/.75 r/.25 "
    answer = "D2/.75 D2/.25 F2/.75 r/.5 G1/.25 B1/.5 D2/.75 r/.25 "
    for beat, pitch, length, _ in melody(verse + answer + verse + "A1/1.6"):
        low.play(beat, bass(pitch, 0.95 * length * low.beat, 0.6), 0.6, 0.005)
    for beat in (3.5, 7.75, 11):
        dub.play(beat, band(snare(rng, 0.07, 420), 400), 0.5)
    for beat, pitch, _, _ in melody("r/1.5 E5/4 F5/.25 D5/3.75 C5/.25 E5"):
        dub.play(beat, organ(pitch, 0.16), 0.3)
    echoes = reverb(echo(dub.audio, 0.75 * dub.beat, 0.6, 0.8), rng, 1.6, 0.25)
    return master(reverb(drums.audio, rng, 0.5, 0.1), low.audio, skank.audio, bubble.audio, echoes)


# --- The files ------------------------------------------------------------------------------------

SONGS: tuple[Callable[[np.random.Generator], Audio], ...] = (blues, disco, metal, classical, reggae)


def save(path: Path, audio: Audio) -> None:
    """Write mono audio between -1 and 1 as 16-bit FLAC."""
    samples = np.round(audio * 32767).astype(np.int16)[np.newaxis]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = FILE_RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=FILE_RATE, options={"compression_level": "12"})
        stream.layout = "mono"
        for part in (frame, None):
            container.mux(stream.encode(part))


def main() -> None:
    """Make every song and write it beside this script."""
    for song in SONGS:
        path = Path(__file__).with_name(f"{song.__name__}.flac")
        audio = song(np.random.default_rng(SEED))
        save(path, audio)
        seconds, kilobytes = len(audio) / FILE_RATE, path.stat().st_size / 1000
        print(f"{path.name}: {seconds:.1f} s, {kilobytes:.0f} kB")


if __name__ == "__main__":
    main()
