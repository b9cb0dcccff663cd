"""The table that the benchmark prints."""

COLUMNS = (
    "step",
    "variant",
    "seconds",
    "GMAC/s",
    "x floor",
    "x reference",
    "x beside",
    "peak GB",
    "start-up s",
)


def lines(result):
    """A result of `run.measure` as lines of Markdown.

    "x reference" is a share of the baseline's time, of Keras's for inference,
    of DARTS's for another method. "x beside" is a share of the other checkout's
    time. Unknown values are empty.
    """
    machine = result["machine"]
    rows = [row for row in result["rows"] if "seconds" in row]
    return [
        f"{machine['processor']}: {', '.join(machine['features'])}; oneDNN "
        f"{'on' if machine['oneDNN'] else 'off'}",
        f"GEMM {machine['gemm'] / 1e9:.1f} GFLOP/s, copy "
        f"{machine['copy'] / 1e9:.1f} GB/s; alpha + weights at this limit: "
        f"{result['floor']:.4g} s",
        "",
        _line(COLUMNS),
        _line(["---"] * len(COLUMNS)),
        *(_line(_cells(row)) for row in rows),
        *(
            f"{row['what']}, {row['variant']}: not measured: {row['note']}"
            for row in result["rows"]
            if "note" in row
        ),
        *_determinism(rows),
    ]


def _cells(row):
    return (
        row["what"],
        row["variant"],
        f"{row['seconds']:.4g}",
        f"{row['multiply_adds_per_second'] / 1e9:.3g}",
        _number(row.get("over_floor"), ".2f"),
        _number(row.get("over_reference"), ".2f"),
        _number(row.get("over_beside"), ".2f"),
        _number(row.get("peak_bytes"), ".2f", 1e9),
        _number(row.get("startup_seconds"), ".1f"),
    )


def _determinism(rows):
    seconds = {(r["what"], r["variant"]): r["seconds"] for r in rows}
    for what, variant in seconds:
        if variant == "no determinism" and (what, "fast") in seconds:
            share = seconds[what, "fast"] / seconds[what, variant] - 1
            yield f"{what}: determinism costs {share:+.0%}"


def _number(value, form, unit=1):
    return "" if value is None else format(value / unit, form)


def _line(cells):
    return f"| {' | '.join(cells)} |"
