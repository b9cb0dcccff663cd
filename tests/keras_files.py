"""In a fresh process: load the `.keras` files of a folder, and say how it went.

`python keras_files.py ORDER FOLDER NAME...`: ORDER is the imports, FOLDER has
images.npz and a file for each NAME; the output is JSON.
"""

import json
import sys

order, folder, *names = sys.argv[1:]
for module in order.split(","):
    __import__(module)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from tfnas.networks.registered import HOMES  # noqa: E402


def load(name, images):
    model = keras.models.load_model(f"{folder}/{name}.keras")
    found = model(images[name], training=False)
    found = found["logits"] if isinstance(found, dict) else found
    np.save(f"{folder}/{order}_{name}.npy", found)
    return getattr(model, "classes", None)


registry = {
    name: hasattr(
        keras.saving.get_registered_object(f"tfnas>{name}"), "from_config"
    )
    for home in HOMES.values()
    for name in home
}
with np.load(f"{folder}/images.npz") as images:
    classes = {name: load(name, images) for name in names}
print(json.dumps({"registry": registry, "classes": classes}))
