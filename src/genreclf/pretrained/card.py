"""Model cards: what a person should know of a model before using it."""

import json
from collections.abc import Mapping
from typing import Any

from genreclf.pretrained.config import ModelConfig

_TEMPLATE = """\
---
{header}
---
# {name}

{description}

```python
from genreclf import GenreClassifier

classifier = GenreClassifier.from_pretrained("{name}")
print(classifier.predict("song.mp3").genre)
```

| | |
|---|---|
| Genres | {labels} |
| Architecture | {architecture} |
| Features | {features} |
| Segment | {frames} frames, overlap {overlap:g} |
| ONNX | {onnx} |
{facts}
{figures}## How to cite

{citation}
"""

_DONG_2018 = (
    "Mingwen Dong, *Convolutional Neural Network Achieves Human-level Accuracy in Music Genre "
    "Classification*, 2018, arXiv 1802.09697."
)


def model_card(config: ModelConfig, name: str, onnx: str) -> str:
    """The card of a model, as Markdown with the header that the Hugging Face Hub reads.

    Parameters
    ----------
    config : ModelConfig
        Its ``metadata`` may hold ``description`` and ``citation`` (text),
        ``figures`` (measure to value), and any other facts (name to text), such as
        ``data``, ``split``, ``recipe``, ``command``, ``licence`` (an SPDX
        identifier) and ``genreclf`` (the version that wrote it).
    name : str
        What :meth:`genreclf.GenreClassifier.from_pretrained` takes.
    onnx : str
        How well the network exported to ONNX fits, or why there is none.
    """
    facts = dict(config.metadata)
    description = facts.pop("description", "A genreclf model.")
    citation = facts.pop("citation", _citation(config))
    figures = facts.pop("figures", {})
    if config.requires:
        facts["requires"] = ", ".join(config.requires)
    return _TEMPLATE.format(
        header=_header(facts.get("licence")),
        name=name,
        description=description,
        labels=_cell(", ".join(config.labels)),
        architecture=_component(config.architecture.name, config.architecture.parameters),
        features=_component(config.features.name, config.features.parameters),
        frames=config.segment_frames,
        overlap=config.overlap,
        onnx=_cell(onnx),
        facts="".join(f"| {_cell(key.capitalize())} | {_cell(facts[key])} |\n" for key in facts),
        figures=_figures(figures),
        citation=citation,
    )


def _header(licence: Any) -> str:
    entries = {
        "library_name": "genreclf",
        "pipeline_tag": "audio-classification",
        "tags": ["audio-classification", "music", "genre"],
        "inference": False,
    }
    if licence:
        entries["license"] = str(licence).lower()
    # JSON is YAML, whatever the values hold.
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in entries.items())


def _citation(config: ModelConfig) -> str:
    paper = [_DONG_2018] if config.architecture.name == "dong2018" else []
    return " ".join(["genreclf, the library that this model is for.", *paper])


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _component(name: str, parameters: object) -> str:
    return _cell(f"`{name}` `{parameters}`")


def _figures(figures: object) -> str:
    if not isinstance(figures, Mapping) or not figures:
        return ""
    rows = "".join(f"| {_cell(measure)} | {_cell(value)} |\n" for measure, value in figures.items())
    return f"## Measured\n\n| measure | value |\n|---|---|\n{rows}\n"
