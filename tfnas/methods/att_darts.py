"""Att-DARTS: search an attention for every edge's result as well."""

from tfnas.methods.method import Method

METHOD = Method(
    name="att_darts",
    title="Att-DARTS",
    paper="Nakai, Matsubara and Uehara. Att-DARTS: Differentiable Neural "
    "Architecture Search for Attention. IJCNN 2020",
    # === Search space ===
    attention="after_every",
    presets={
        "paper": {},
        "quick": {"epochs": 12, "halves": "stratified"},
    },
)
