"""P-DARTS: search in stages, deeper each time, among fewer candidates."""

from tfnas.methods.method import Method

METHOD = Method(
    name="pdarts",
    title="P-DARTS",
    paper="Chen, Xie, Wu and Tian. Progressive Differentiable Architecture "
    "Search. ICCV 2019. arXiv:1904.12760",
    # === Bilevel update ===
    learning_rate_min=0.0,
    alpha_learning_rate=6e-4,
    alpha_clip=5.0,
    # === Schedule ===
    epochs=25,
    batch_size=96,
    cells=(5, 11, 17),
    operations_kept=(5, 3),
    warmup_epochs=10,
    skip_dropout=(0.0, 0.4, 0.7),
    # === Derivation ===
    derivation="pdarts",
    skip_limit=2,
    presets={
        "paper": {},
        # The survey's section 3.3 prints other rates and only two warm-up
        # epochs; the authors' code has ten.
        "survey": {"skip_dropout": (0.0, 0.3, 0.6), "warmup_epochs": 2},
        "cifar100": {"skip_dropout": (0.1, 0.2, 0.3)},
        "quick": {"epochs": 5, "warmup_epochs": 2, "halves": "stratified"},
    },
)
