"""Model cards: what a person should know of a model before using it."""

from genreclf.pretrained.config import ModelConfig

_TEMPLATE = """\
---
library_name: genreclf
tags: [audio-classification, music, genre]
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
{facts}
{figures}"""


def model_card(config: ModelConfig, name: str) -> str:
    """The card of a model, as Markdown.

    Parameters
    ----------
    config : ModelConfig
        Its ``metadata`` may hold ``description`` (text), ``figures`` (measure to
        value) and any other facts (name to text), such as ``data``, ``split``,
        ``recipe``, ``command`` and ``licence``.
    name : str
        What the model is called.
    """
    facts = dict(config.metadata)
    description = facts.pop("description", "A genreclf model.")
    figures = facts.pop("figures", {})
    return _TEMPLATE.format(
        name=name,
        description=description,
        labels=", ".join(config.labels),
        architecture=_component(config.architecture.name, config.architecture.parameters),
        features=_component(config.features.name, config.features.parameters),
        frames=config.segment_frames,
        overlap=config.overlap,
        facts="".join(f"| {key.capitalize()} | {value} |\n" for key, value in facts.items()),
        figures=_figures(figures),
    )


def _component(name: str, parameters: object) -> str:
    return f"`{name}` `{parameters}`"


def _figures(figures: dict[str, object]) -> str:
    if not figures:
        return ""
    rows = "".join(f"| {measure} | {value} |\n" for measure, value in figures.items())
    return f"## Measured\n\n| measure | value |\n|---|---|\n{rows}"
