"""PC-DARTS: mix a quarter of the channels, and weigh the edges."""

from tfnas.methods.method import Method

METHOD = Method(
    name="pc_darts",
    title="PC-DARTS",
    paper="Xu, Xie, Zhang, Chen, Qi, Tian and Xiong. PC-DARTS: Partial Channel "
    "Connections for Memory-Efficient Architecture Search. ICLR 2020. "
    "arXiv:1907.05737",
    # === Search space ===
    partial_channels=4,
    edge_normalization=True,
    # === Bilevel update ===
    learning_rate=0.1,
    learning_rate_min=0.0,
    alpha_learning_rate=6e-4,
    # === Schedule ===
    batch_size=256,
    warmup_epochs=15,
    presets={
        "paper": {},
        # The authors' `train_search_imagenet.py`, without its warm-up of the
        # learning rate; they search on an eighth of ImageNet.
        "imagenet": {
            "stem": "imagenet",
            "augmentation": "imagenet",
            "learning_rate": 0.5,
            "alpha_learning_rate": 6e-3,
            "alpha_clip": 5.0,
            "warmup_epochs": 35,
            "batch_size": 1024,
        },
        "quick": {
            "epochs": 12,
            "warmup_epochs": 4,
            "batch_size": 64,
            "halves": "stratified",
        },
    },
)
