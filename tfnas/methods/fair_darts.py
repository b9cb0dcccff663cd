"""Fair DARTS: operations cooperate through sigmoids instead of competing."""

from tfnas.methods.method import Method
from tfnas.spaces.darts import PRIMITIVES

METHOD = Method(
    name="fair_darts",
    title="Fair DARTS",
    paper="Chu, Zhou, Zhang and Li. Fair DARTS: Eliminating Unfair Advantages "
    "in Differentiable Architecture Search. ECCV 2020. arXiv:1911.12126",
    # === Search space ===
    operations=PRIMITIVES[1:],
    # === Relaxation ===
    relaxation="sigmoid",
    alpha_deviation=0.0,
    # === Bilevel update ===
    learning_rate=0.005,
    alpha_learning_rate=3e-3,
    alpha_beta_1=0.9,
    zero_one_weight=10.0,
    # === Schedule ===
    batch_size=128,
    # === Derivation ===
    derivation="threshold_node",
    threshold=0.85,
    presets={
        "paper": {},
        # Too few steps for a sigmoid to reach 0.85: the cells come from the
        # fallback of `derivation.threshold_node`, as the run reports.
        "quick": {"epochs": 12, "batch_size": 64, "halves": "stratified"},
    },
)
