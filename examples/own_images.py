"""Your own images: a folder, a search, a training, a prediction."""

# %% [markdown]
# # Your own images, from a folder to a prediction
#
# tfnas takes a folder that has a folder of images for each class. This page
# makes a small one, so that it runs as it is. Put the path of yours in its
# place.

# %%
from pathlib import Path

from PIL import Image

import tfnas
from tfnas import predict

# %% [markdown]
# ## Settings
#
# `IMAGES = "path/of/your/folder"` takes your images. A search and a training
# take every flag of the command line: `{"image_size": 64}` brings images of
# uneven sizes to 64x64 pixels. A run needs a new folder.

# %%
FOLDER = "runs/notebook_own_images"
IMAGES = None
SEARCH = {"epochs": 6, "channels": 8, "cells": 5}
TRAINING = {"preset": "quick"}

# %% [markdown]
# ## A folder of images
#
# The form is `FOLDER/CLASS/image.png`; JPEG, PNG, GIF, BMP, WebP and TIFF are
# read. Here the classes are the digits 0, 1 and 8 as PNG files: a training
# mirrors images, and these three stay what they are.


# %%
def write_digits(folder):
    """Some of scikit-learn's digits as PNG files, a folder for each class."""
    digits = tfnas.data.load("digits").train
    for number, name in {0: "zero", 1: "one", 8: "eight"}.items():
        (folder / name).mkdir(parents=True)
        chosen = digits.images[digits.labels == number]
        for i, image in enumerate(chosen):
            Image.fromarray(image[..., 0]).save(folder / name / f"{i:03}.png")


folder = Path(FOLDER)
images = Path(IMAGES or folder / "images")
if IMAGES is None:
    write_digits(images)
for place in sorted(images.iterdir()):
    print(place.name, len(list(place.glob("*"))), "images")

# %% [markdown]
# ## Search
#
# A fifth of each class is kept for the test, drawn by the seed. The search
# reads the rest alone. Damaged files are named before the first epoch;
# `"skip_damaged": True` leaves them out.

# %%
found = tfnas.run_search(
    images,
    method="darts",
    test_share=0.2,
    out=folder / "search",
    **SEARCH,
)

# %% [markdown]
# ## Train
#
# `genotype=found.folder` takes the data and the test images of the search, so
# that no image is searched with and then tested on. If your classes are
# uneven, add `"class_weights": "balanced"` to both settings.

# %%
trained = tfnas.run_training(found.folder, out=folder / "training", **TRAINING)
print(f"{100 * trained.accuracy:.1f} % of the test images are right")

# %% [markdown]
# ## Predict
#
# `tfnas predict` reads any image file, turns it upright, brings it to the
# network's size and prints the classes with their probabilities. In Python it
# is a call with the same words.

# %%
image = next(images.glob("*/*.*"))
predict.main(["predict", f"--run={trained.folder}", str(image)])

# %% [markdown]
# ## Go on
#
# The same on the command line:
#
#     tfnas search --method=darts --data_dir=photos --out=runs/photos
#     tfnas train --genotype=runs/photos --out=runs/photos_trained
#     tfnas predict --run=runs/photos_trained photo.jpg
