"""Model cards: Markdown for people, with the header that the Hugging Face Hub reads."""

import json
from collections.abc import Mapping
from typing import Any

from genreclf.features import make_extractor
from genreclf.pretrained.config import Component, ModelConfig

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
    """Return the card of a model.

    Parameters
    ----------
    config : ModelConfig
        Its ``metadata`` may hold ``description`` and ``citation`` (text), ``figures``
        (measure to value), and any other facts (name to text), such as ``data``,
        ``split``, ``recipe``, ``command``, ``license`` (an SPDX identifier) and
        ``genreclf`` (the version that wrote it).
    name : str
        The argument of :meth:`genreclf.GenreClassifier.from_pretrained`.
    onnx : str
        How closely the exported network agrees with PyTorch, or why there is none.
    """
    facts = dict(config.metadata)
    description = facts.pop("description", "A genreclf model.")
    citation = facts.pop("citation", _citation(config))
    figures = facts.pop("figures", {})
    if config.requires:
        facts["requires"] = ", ".join(config.requires)
    extractor = make_extractor(config.features.name, **config.features.parameters)
    return _TEMPLATE.format(
        header=_header(facts.get("license")),
        name=name,
        description=description,
        labels=_cell(", ".join(config.labels)),
        architecture=_component(config.architecture),
        features=_component(config.features),
        frames=extractor.segment_frames,
        overlap=config.overlap,
        onnx=_cell(onnx),
        facts="".join(f"| {_cell(key.capitalize())} | {_cell(facts[key])} |\n" for key in facts),
        figures=_figures(figures),
        citation=citation,
    )


def _header(license_id: Any) -> str:
    entries = {
        "library_name": "genreclf",
        "pipeline_tag": "audio-classification",
        "tags": ["audio-classification", "music", "genre"],
        "inference": False,
    }
    if license_id:
        entries["license"] = str(license_id).lower()
    # JSON is valid YAML for any value.
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in entries.items())


def _citation(config: ModelConfig) -> str:
    paper = [_DONG_2018] if config.architecture.name == "dong2018" else []
    return " ".join(["genreclf, the library that this model is for.", *paper])


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _component(component: Component) -> str:
    return _cell(f"`{component.name}` `{component.parameters}`")


def _figures(figures: object) -> str:
    if not isinstance(figures, Mapping) or not figures:
        return ""
    rows = "".join(f"| {_cell(measure)} | {_cell(value)} |\n" for measure, value in figures.items())
    return f"## Measured\n\n| measure | value |\n|---|---|\n{rows}\n"
