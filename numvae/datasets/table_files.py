"""Tables in files of other programs, read by pandas: Parquet, Feather, Excel, Stata, JSON.

Each function takes a path and returns a `tables.columns.Table`; FileNotFoundError and ValueError as
in `files.reading`.
"""

from numvae.datasets import files
from numvae.tables import frames

READERS = {
    ".parquet": ("read_parquet", "pyarrow"),
    ".feather": ("read_feather", "pyarrow"),
    ".xlsx": ("read_excel", "openpyxl"),
    ".dta": ("read_stata", None),
    ".json": ("read_json", None),
    ".jsonl": ("read_json", None),
}


def load(path):
    """The Table in a file that ends in one of READERS.

    Raises  ValueError   pandas, or what it needs, is not installed; or the file is damaged
    """
    ending = next(ending for ending in READERS if str(path).lower().endswith(ending))
    function, needed = READERS[ending]
    try:
        import pandas

        if needed:
            __import__(needed)
    except ImportError:
        programs = " and ".join(filter(None, ("pandas", needed)))
        raise ValueError(
            f"{path} is read by {programs}, which is not installed: pip install "
            f"{programs.replace(' and ', ' ')}, or save it as .csv."
        ) from None
    with files.reading(path, f"{ending} table"):
        of_lines = {"lines": True} if ending == ".jsonl" else {}
        frame = getattr(pandas, function)(path, **of_lines)
        table = frames.table(frame)
    if len(table) == 0:
        raise ValueError(f"{path} has no rows.")
    return table
