"""GDAS: draw one operation an edge, by a Gumbel-softmax that cools down."""

from tfnas.methods.method import Method

METHOD = Method(
    name="gdas",
    title="GDAS",
    paper="Dong and Yang. Searching for A Robust Neural Architecture in Four "
    "GPU Hours. CVPR 2019. arXiv:1910.04465",
    # === Relaxation ===
    relaxation="gumbel_hard",
    # === Bilevel update ===
    # The values of AutoDL-Projects, `configs/search-opts/` and
    # `configs/nas-benchmark/algos/`, without its Nesterov momentum.
    weight_decay=5e-4,
    # === Schedule ===
    epochs=250,
    batch_size=256,
    presets={
        "paper": {},
        "bench201": {
            "space": "nasbench201",
            "epochs": 240,
            "batch_size": 64,
        },
        "quick": {"epochs": 12, "batch_size": 64, "halves": "stratified"},
    },
)
