"""Recipes of a genotype's training (the papers' evaluation phase).

Every field is a flag of `python -m tfnas.train`; a preset is a short list of
changes. The defaults are the recipe of DARTS on CIFAR, which Fair DARTS and
Att-DARTS share; P-DARTS differs in `batch_size=128` and `drop_path=0.3`.
"""

import dataclasses

from tfnas import schedule, spaces
from tfnas.choice import check_values, choice, fields
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.train.presets import PRESETS


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The values of a training; the defaults are the papers'.

    Source: `cnn/train.py` of DARTS (arXiv:1806.09055, section 3.2) and the
    ImageNet scripts of DARTS and P-DARTS for the other schedules.
    """

    channels: int = choice(36, "channels of the first cell", least=1)
    cells: int = choice(20, "cells of the network", least=3)
    stem: str = choice(
        "cifar",
        "first layers; imagenet shrinks the map by a factor of 8",
        ("cifar", "imagenet"),
    )
    epochs: int = choice(600, "epochs", least=1)
    batch_size: int = choice(96, "images in a batch", least=1)
    halves: str = choice(
        "index",
        "which images --train_images and --valid_images take, and a baseline "
        "judges by: stratified draws each class's share by the seed; index "
        "takes the first and the last",
        ("stratified", "index"),
    )
    learning_rate: float = choice(0.025, "largest learning rate", least=0)
    schedule: str = choice(
        "cosine",
        "how the learning rate falls over the epochs: to 0 on a cosine, by a "
        "factor, or as in P-DARTS; one_cycle falls with every step, on a line "
        "to 0",
        ("cosine", "exponential", "linear", "one_cycle"),
    )
    learning_rate_decay: float = choice(
        0.97, "factor per epoch of --schedule=exponential", least=0
    )
    warmup_epochs: int = choice(
        0, "first epochs, during which the learning rate rises", least=0
    )
    momentum: float = choice(0.9, "momentum of SGD", least=0)
    nesterov: bool = choice(False, "use Nesterov's form of momentum")
    average_weights: float = choice(
        0.0,
        "share of the average of the weights that a step keeps, such as 0.995; "
        "the averages are tested; 0 tests the weights themselves",
        least=0,
    )
    norm_bias_rate: float = choice(
        1.0,
        "factor on the learning rate of the batch norms' biases",
        least=0,
    )
    weight_decay: float = choice(3e-4, "L2 of all weights", least=0)
    gradient_clip: float = choice(5.0, "largest norm of the gradient", least=0)
    drop_path: float = choice(
        0.2, "final rate of drop path, which rises linearly from 0", least=0
    )
    whitening: bool = choice(
        False,
        "freeze a first convolution that whitens the images' patches",
    )
    sizes: tuple[float, ...] = choice(
        (),
        "sides of the training images in equal parts of the epochs, as shares "
        "of the whole, such as 0.5,0.75,1",
        least=0,
        most=1,
    )
    auxiliary: float = choice(
        0.4,
        "weight of the auxiliary classifier's loss; 0 leaves it out",
        least=0,
    )
    cutout: int | None = choice(
        None,
        "side, in pixels, of the square cut out; by default half the image",
        least=0,
    )
    flips: str = choice(
        "random",
        "which images are mirrored: any in any epoch, or each in every other "
        "one",
        ("random", "alternate"),
    )
    crop_padding: int | None = choice(
        None,
        "largest shift of an image, in pixels; by default an eighth of a side",
        least=0,
    )
    mixup: float = choice(
        0.0,
        "alpha of the Beta distribution by which pairs of images are mixed, "
        "such as 0.2; 0 mixes none",
        least=0,
    )
    label_smoothing: float = choice(
        0.0, "share of a label that is spread over all classes", least=0
    )
    test_views: int = choice(
        1,
        "views of a test image whose logits are averaged, for an accuracy "
        "beside that of the image alone: 2 mirrors it, 6 also moves it by a "
        "pixel",
        (1, 2, 6),
    )
    augmentation: str = choice(
        "cifar",
        "cifar pads, crops, flips and cuts out; imagenet leaves the images in "
        "their files and crops at random, resizes, flips and jitters colours",
        ("cifar", "imagenet"),
    )

    @classmethod
    def preset(cls, name):
        """A recipe by the name that `--preset` takes.

        Raises:
            UserError: for an unknown name.
        """
        if name not in PRESETS:
            known = ", ".join(PRESETS)
            raise UserError(f"--preset={name}: choose from {known}")
        return cls().with_flags(PRESETS[name])

    def values(self):
        """The values of the flags as a dict, JSON-ready."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def size(self, dataset):
        """The keyword arguments of `tfnas.build_network` for a data set."""
        return {
            "input_shape": dataset.image_shape,
            "classes": len(dataset.classes),
            **{k: getattr(self, k) for k in ("channels", "cells", "stem")},
        }

    def stream(self):
        """The keyword arguments of `tfnas.data.train_stream`."""
        names = ("batch_size", "epochs", "cutout", "flips", "crop_padding")
        names += ("mixup",)
        return {name: getattr(self, name) for name in names}

    def with_flags(self, values):
        """The recipe with some of its values replaced, checked.

        Raises:
            UserError: for a value that is illegal, alone or with the others.
        """
        recipe = dataclasses.replace(self, **values)
        recipe.check()
        return recipe

    def typed_over(self, values):
        """The recipe with the typed values; the others give way to them.

        Raises:
            UserError: as `with_flags` does.

        Example: `Recipe.preset("quick").typed_over({"epochs": 1})`.
        """
        given = {}
        epochs = values.get("epochs", self.epochs)
        if self.warmup_epochs >= epochs:
            given["warmup_epochs"] = epochs // 2
        if values.get("augmentation") == "imagenet":
            given |= {"cutout": 0, "flips": "random", "crop_padding": None}
        return self.with_flags({**given, **values})

    def check(self):
        """Raise a `UserError` that names the first illegal value."""
        check_values(self)
        for name in ("drop_path", "label_smoothing", "average_weights"):
            if getattr(self, name) >= 1:
                raise UserError(
                    f"--{name}={getattr(self, name)}: use a rate below 1"
                )
        if self.warmup_epochs >= self.epochs:
            raise UserError(
                f"--warmup_epochs={self.warmup_epochs}: use fewer than "
                f"--epochs={self.epochs}"
            )
        if self.sizes and (self.sizes[-1] != 1 or 0 in self.sizes):
            raise UserError(
                f"--sizes={command.show(self.sizes)}: use shares above 0, the "
                "last of them 1"
            )
        if self.cutout and self.augmentation == "imagenet":
            raise UserError(
                f"--cutout={self.cutout}: --augmentation=imagenet has none; "
                "use --cutout=0"
            )
        own = self.augmentation == "imagenet"
        for name in ("flips", "crop_padding") if own else ():
            value = getattr(self, name)
            if value not in ("random", None):
                raise UserError(
                    f"--{name}={value}: --augmentation=imagenet has its own; "
                    "leave it out"
                )
        if self.schedule == "linear" and self.epochs <= schedule.LINEAR_TAIL:
            raise UserError(
                f"--schedule=linear: use more than {schedule.LINEAR_TAIL} "
                f"--epochs, not {self.epochs}"
            )

    def for_space(self, space, given):
        """The recipe without values that a space's networks do not have.

        Args:
            space: name of the genotype's space.
            given: {flag: value} of the typed flags.

        Raises:
            UserError: if the space does not have one of them, or nothing reads
                it next to the others.
        """
        there = spaces.get(space)
        if not given.get("resume"):
            command.refuse_unused(given, self._unused(there))
        if "cells" in given:
            there.check_cells(given["cells"])
        without = {"auxiliary", "drop_path"} & there.absent.keys()
        changes = dict.fromkeys(without, 0.0)
        # A preset's cells are for the space darts.
        changes["cells"] = max(1, self.cells // there.stacks) * there.stacks
        # With --resume the typed values must be the run's.
        return self.with_flags(
            {k: v for k, v in changes.items() if k not in given}
        )

    def for_start(self, given):
        """The recipe without what the typed flags, `given`, exclude.

        If that is among them, it raises `UserError`.
        """
        if not (self.whitening and "weights" in given):
            return self
        if "whitening" in given:
            raise UserError(
                "--whitening=true: --weights has a first layer; leave it out"
            )
        return self.with_flags({"whitening": False})

    def _unused(self, space):
        """The rules for `command.refuse_unused`."""
        yield (
            ("learning_rate_decay",),
            self.schedule != "exponential",
            f"--schedule={self.schedule} has none",
        )
        yield (
            ("flips", "crop_padding"),
            self.augmentation == "imagenet",
            "--augmentation=imagenet has its own",
        )
        why = f"networks of space {space.name} do not have it"
        yield (*space.absent, *space.settled), True, why

    def rate_at(self, epoch, step=0, steps=1):
        """The learning rate of a step of an epoch, both counted from 0.

        Only one_cycle changes it within an epoch: it takes the middle of the
        step. So without a step, the rate is that of the middle of the epoch.
        """
        if self.schedule == "one_cycle":
            done = (epoch + (step + 0.5) / steps) / self.epochs
            rising = self.warmup_epochs / self.epochs
            return schedule.one_cycle(done, rising, self.learning_rate)
        if epoch < self.warmup_epochs:
            return schedule.warm_up(
                epoch, self.warmup_epochs, self.learning_rate
            )
        if self.schedule == "exponential":
            return schedule.exponential(
                epoch, self.learning_rate, self.learning_rate_decay
            )
        fall = {"cosine": schedule.cosine, "linear": schedule.linear}
        return fall[self.schedule](epoch, self.epochs, self.learning_rate)

    def image_size_at(self, epoch, image_shape):
        """(height, width) to resize to in an epoch, None for whole images."""
        if not self.sizes:
            return None
        # The last epoch has the last size, however few there are.
        part = -(-(epoch + 1) * len(self.sizes) // self.epochs) - 1
        if self.sizes[part] == 1:
            return None
        height, width, _ = image_shape
        return tuple(round(self.sizes[part] * side) for side in (height, width))

    def drop_path_at(self, epoch):
        """The rate of drop path of an epoch, counted from 0."""
        return schedule.drop_path(epoch, self.epochs, self.drop_path)
