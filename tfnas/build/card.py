"""The card of an entry: what it is, what it is for, how it was made."""

import json

from tfnas.build.data_notes import notes
from tfnas.runs.recorded import DIR
from tfnas.train import Recipe
from tfnas.zoo.schema import RANDOM


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
    test = entry.test
    return [
        f"{100 * entry.accuracy:.2f} % of the {test['images']:,} test images "
        f"of {entry.dataset} ({test['correct']:,} of them), measured here.",
        "",
        f"![The cells of {entry.architecture}]"
        f"(../genotypes/{entry.architecture}.svg)",
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
        *_use(entry),
        *_judged(entry),
        *_made(entry, genotype),
        "## Licence",
        "",
        "Weights and cells: Apache 2.0.",
        notes(entry.dataset).licence,
        "",
    ]


def _use(entry):
    about, recipe = notes(entry.dataset), Recipe()
    return [
        "## Good for",
        "",
        about.good_for,
        "",
        "## Limits",
        "",
        about.limits,
        f"The papers train {recipe.channels} channels and {recipe.cells} cells "
        f"for {recipe.epochs} epochs. This is one seed of a small network "
        f"after {entry.training['recipe']['epochs']} epochs: its accuracy does "
        "not rank the methods.",
        "",
    ]


def _judged(entry):
    where = f" (`{DIR}` is the folder of the images)" if _folder(entry) else ""
    return [
        "## How it was judged",
        "",
        f"By its share of right answers on the test images of {entry.dataset}, "
        "each seen once, without crops or flips. The training read them once, "
        "at its end, and chose nothing by them. This measures it again"
        f"{where}:",
        "",
        f"    python -m tfnas.build --verify --accuracy --model={entry.name}"
        f"{_folder(entry)}",
        "",
    ]


def _made(entry, genotype):
    training = entry.training
    return [
        "## How it was made",
        "",
        *_search(entry, genotype),
        f"Trained with seed {training['seed']} in {training['hours']} hours on "
        f"{training['machine']}. The weights are those of epoch "
        f"{training['epoch']} ({training['weights']}).",
        "",
        f"    {training['command']}",
        "",
        f"Versions: {_pairs(training['versions'])}.",
        "",
        "This command trains it again and writes this card:",
        "",
        f"    python -m tfnas.build --model={entry.name}{_folder(entry)}",
        "",
        "The recipe, every value:",
        "",
        "| | |",
        "|---|---|",
        *(f"| {k} | {v} |" for k, v in training["recipe"].items()),
        "",
    ]


def _folder(entry):
    """The flag that says where the images of the recorded command are."""
    named = f"={DIR}" in entry.training["command"]
    return f" --data_dir={DIR}" if named else ""


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
            "A random genotype, which no search found. Trained with the recipe "
            "of the searched ones, it shows what a search is worth. Its "
            f"origin: {_pairs(origin)}.",
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
