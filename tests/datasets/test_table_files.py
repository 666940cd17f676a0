import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from numvae.datasets import own, table_files

pd = pytest.importorskip("pandas")

WRITERS = {
    ".parquet": ("to_parquet", "pyarrow"),
    ".feather": ("to_feather", "pyarrow"),
    ".xlsx": ("to_excel", "openpyxl"),
    ".dta": ("to_stata", None),
    ".json": ("to_json", None),
    ".jsonl": ("to_json", None),
}


@pytest.fixture
def frame():
    n = np.arange(40) % 4
    mass = np.where(n == 3, np.nan, 4000.5 + 10.0 * n)
    return pd.DataFrame({"species": np.array(list("abca"))[n], "mass": mass, "visits": n})


@pytest.mark.parametrize("ending", table_files.READERS)
def test_the_tables_of_other_programs_are_read_as_a_csv_is(frame, tmp_path, ending):
    name, needed = WRITERS[ending]
    if needed:
        pytest.importorskip(needed)
    path = tmp_path / f"birds{ending}"
    more = {".dta": {"write_index": False}, ".xlsx": {"index": False}}
    more[".jsonl"] = {"lines": True, "orient": "records"}
    getattr(frame, name)(path, **more.get(ending, {}))
    frame.to_csv(tmp_path / "birds.csv", index=False)
    found, wanted = own.load_table(path), own.load_table(tmp_path / "birds.csv")
    assert found.likelihood == wanted.likelihood == "gaussian-sigma-z:1,categorical:3,categorical:4"
    assert_array_equal(found.rows, wanted.rows)


@pytest.mark.parametrize("ending", table_files.READERS)
def test_what_is_none_is_refused_with_a_sentence(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    with pytest.raises((ValueError, FileNotFoundError), match="x"):
        table_files.load(path)
    for content in (b"", b"\0rubbish", b"PK\x03\x04 rubbish"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"^{path} (is not a readable|is read by|has no rows)"):
            table_files.load(path)


def test_without_pandas_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ValueError, match="is read by pandas and openpyxl, .* or save it as .csv"):
        table_files.load(tmp_path / "x.xlsx")
