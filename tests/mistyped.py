# ruff: noqa: E501
"""Fifty commands, mistyped in the ways people mistype, and what each is told.

A command follows `tfnas`; HOME is the home folder of the test. The list was
written before the remedies.
"""

TEXT = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1"
# A word with a blank in it is quoted, as in a shell.
COMMANDS = f"""
serach --method=darts
    serach: no such command; did you mean search?
Train --genotype=DARTS_V2
    Train: no such command; did you mean train?
tfnas.search --method=darts
    tfnas.search: no such command; did you mean search?
--method=darts
    --method=darts: comes after a command, such as tfnas search --method=darts
help
    help: no such command; tfnas --help lists them
search --epoch=3
    --epoch: no such flag; did you mean --epochs?
search --Epochs=3
    --Epochs: no such flag; did you mean --epochs?
search --batch-size=32
    --batch-size: no such flag; did you mean --batch_size?
search --lr=0.1
    --lr: no such flag; did you mean --learning_rate?
search --layers=8
    --layers: no such flag; did you mean --cells?
train --genotype=DARTS_V2 --init_channels=36
    --init_channels: no such flag; did you mean --channels?
train --arch=DARTS_V2
    --arch: no such flag; did you mean --genotype?
search --gpu=0
    --gpu: no such flag; did you mean --devices?
search --no-deterministic
    --no-deterministic: no such flag; did you mean --deterministic=false?
search --genotype=DARTS_V2
    --genotype: no such flag; it belongs to tfnas convert and tfnas train
search --trials=10
    --trials: no such flag; it belongs to tfnas baseline
train --genotype=DARTS_V2 --method=darts
    --method: no such flag; it belongs to tfnas benchmark and tfnas search
export --model=PDARTS --out=served --epochs=3
    --epochs: no such flag; it belongs to tfnas search and tfnas train
benchmark --batch_size=16
    --batch_size: no such flag; did you mean --batch?
sweep --method=darts
    --method: a sweep sets it; use --methods
sweep --methods=darts --seed=0
    --seed: a sweep sets it; use --seeds
search method=darts
    method=darts: not a flag; did you mean --method=darts?
search darts
    darts: not a flag; did you mean --method=darts?
train DARTS_V2
    DARTS_V2: not a flag; did you mean --genotype=DARTS_V2?
search –epochs=3
    –epochs=3: not a flag; did you mean --epochs=3?
search --epochs = 3
    --epochs = 3: write --epochs=3, without blanks
search --method= darts
    --method= darts: write --method=darts, without blanks
search --method=pdarts --cells=5 11 17
    11: not a flag; write a list with commas, --cells=5,11,17
compare --methods=darts random
    random: not a flag; write a list with commas, --methods=darts,random
search --epochs=3 --seed=1 --epochs=5
    --epochs: given twice, as 3 and 5; keep one
search --resume --noresume
    --resume: given twice, as true and false; keep one
search --epochs
    --epochs: has no value; give a whole number
search --epochs=fifty
    --epochs=fifty: give a whole number
search --learning_rate=0,025
    --learning_rate=0,025: give a number, such as 0.025
search --deterministic=yes
    --deterministic=yes: give true or false
search --method=DARTS
    --method=DARTS: no such method; did you mean darts?
search --method=DARTS_V2
    --method=DARTS_V2: a cell, not a method; train it with tfnas train --genotype=DARTS_V2
search --preset=papers
    --preset=papers: darts has paper, quick
search --operations=none,sep_conv_3
    --operations=sep_conv_3: did you mean sep_conv_3x3?
train --genotype=darts_v2
    --genotype=darts_v2: neither a file nor in the zoo; did you mean DARTS_V2?
train --genotype=PC-DARTS
    --genotype=PC-DARTS: neither a file nor in the zoo; did you mean PC_DARTS_cifar?
train "--genotype={TEXT}"
    --genotype={TEXT}: not a whole Genotype(...); quote it and copy it to its last bracket
train --genotype=DARTS_V2 --weights=imagenet
    --weights=imagenet: neither a file or folder nor in the zoo; tfnas.list_models(weights=True) has the names
search --dataset=cifar_01
    --dataset=cifar_01: unknown, did you mean cifar10_1? (use digits, fashion_mnist, cifar10, cifar100, image_folder or a TFDS image classification dataset)
search --dataset=~/photos
    --dataset=HOME/photos: a folder; use --dataset=image_folder --data_dir=HOME/photos
search --dataset=image_folder --data_dir=~/phtos
    --data_dir=HOME/phtos: no such folder
train --genotype=DARTS_V2 --devices=gpu:2
    --devices=gpu:2: 0 GPU(s) here; use --devices=auto for those
baseline --name=random_search
    --name=random_search: use random or evolution or naswot or synflow or weight_sharing
export --model=darts_digit --out=served
    darts_digit: no such network in the zoo; did you mean darts_digits.digits_c16_l6?
report --run=runs/darts
    --run=runs/darts: not a folder; write tfnas report runs/darts
"""
LINES = [line for line in COMMANDS.splitlines() if line]
MISTYPED = [
    (command, line.strip())
    for command, line in zip(LINES[::2], LINES[1::2], strict=True)
]
assert len(MISTYPED) == 50
