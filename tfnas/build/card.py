"""The card of an entry: what it is, how it was made, what it is not for."""

import json

from tfnas.runs.recorded import DIR
from tfnas.train import Recipe
from tfnas.zoo.schema import RANDOM

_PURPOSE = {
    "digits": "digits are 1,797 gray images of 8x8 pixels: they prove that "
    "the tool runs, not that the method works.",
    None: "It knows the images of its data set, and nothing else: photos of "
    "another source, size or subject are classified with the same confidence "
    "and without meaning.",
}


def render(entry, genotype):
    """An entry's card in Markdown, the front matter in Hugging Face's form.

    The `Entry` was measured here.
    """
    return "\n".join(
        [
            *_front_matter(entry, genotype),
            f"# {entry.name}",
            "",
            *_text(entry, genotype),
        ]
    )


def _front_matter(entry, genotype):
    # JSON's strings are YAML's too.
    name, dataset = json.dumps(entry.name), json.dumps(entry.dataset)
    return [
        "---",
        "license: apache-2.0",
        "library_name: tfnas",
        "pipeline_tag: image-classification",
        "tags:",
        "- image-classification",
        "- neural-architecture-search",
        "- keras",
        *([f"- {json.dumps(entry.method)}"] if entry.method else []),
        "datasets:",
        f"- {dataset}",
        "metrics:",
        "- accuracy",
        "model-index:",
        f"- name: {name}",
        "  results:",
        "  - task:",
        "      type: image-classification",
        "    dataset:",
        f"      name: {dataset}",
        f"      type: {dataset}",
        "      split: test",
        "    metrics:",
        "    - type: accuracy",
        f"      value: {100 * entry.accuracy:.2f}",
        "---",
        "",
    ]


def _text(entry, genotype):
    height, width, colors = entry.image_shape
    again = f"python -m tfnas.build --model={entry.name}"
    if f"={DIR}" in entry.training["command"]:
        again += f" --data_dir={DIR}"
    training, test = entry.training, entry.test
    lines = [
        f"{100 * entry.accuracy:.2f} % of the {test['images']:,} test images "
        f"of {entry.dataset} ({test['correct']:,} of them), measured here.",
        "",
        "```python",
        "import tfnas",
        "",
        f'model = tfnas.load("{entry.name}")',
        "```",
        "",
        "| | |",
        "|---|---|",
        f"| input | images (N, {height}, {width}, {colors}), 0..255 |",
        f"| normalised inside with mean | {_numbers(entry.mean)} |",
        f"| and deviation | {_numbers(entry.std)} |",
        f"| output | logits of {len(entry.classes)} classes: "
        f"{_names(entry.classes)} |",
        f"| network | {entry.channels} channels, {entry.cells} cells, stem "
        f"{entry.stem} |",
        f"| parameters | {entry.parameters:,} |",
        f"| multiply-adds of an image | {entry.multiply_adds:,} |",
        f"| weights | safetensors, {entry.weights['bytes']:,} bytes, SHA-256 "
        f"`{entry.weights['sha256']}` |",
        "",
        "## How it was made",
        "",
        *_search(entry, genotype),
        f"Trained with seed {training['seed']} in {training['hours']} hours on "
        f"{training['machine']}; the weights are those of epoch "
        f"{training['epoch']} ({training['weights']}). The training read the "
        "test images once, at its end, and chose nothing by them.",
        "",
        f"    {training['command']}",
        "",
        f"Versions: {_pairs(training['versions'])}.",
        "",
        "This command does it again and writes this card:",
        "",
        f"    {again}",
        "",
        "The recipe, every value:",
        "",
        "| | |",
        "|---|---|",
        *(f"| {k} | {v} |" for k, v in training["recipe"].items()),
        "",
        "## Limits",
        "",
        _PURPOSE.get(entry.dataset, _PURPOSE[None]),
        f"One seed and {training['recipe']['epochs']} epochs, where the papers "
        f"take {Recipe().epochs}, {Recipe().channels} channels and "
        f"{Recipe().cells} cells: the accuracy is that of a small network, not "
        "of the method.",
        "",
    ]
    return lines


def _search(entry, genotype):
    origin = dict(genotype.provenance)
    if entry.search:
        return [
            f"Searched with seed {entry.search['seed']} in "
            f"{entry.search['hours']} hours:",
            "",
            f"    {entry.search['command']}",
            "",
        ]
    if entry.method == RANDOM:
        return [
            "A random genotype, which no search found: trained with the "
            "recipe of the searched ones, it shows what a search is worth. "
            f"Its origin: {_pairs(origin)}.",
            "",
        ]
    if origin:
        return [f"The genotype's origin: {_pairs(origin)}.", ""]
    return []


def _numbers(values):
    return ", ".join(f"{value:.6g}" for value in values)


def _names(classes):
    shown = list(classes[:20])
    if len(classes) > len(shown):
        shown.append("and so on, see index.json")
    return ", ".join(shown)


def _pairs(values):
    return ", ".join(f"{name} {value}" for name, value in values.items())
