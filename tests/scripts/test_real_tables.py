"""Tables that packages ship, as files: what their columns are taken for, and every command on them.

What a person would say of the columns stands here; the packages are used where they are installed.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest

from numvae.commands import evaluate, train
from numvae.datasets import csv_file
from numvae.tables.columns import guess

pytest.importorskip("pandas")

G, B, C, I, N, K = "gaussian", "bernoulli", "categorical", "id", "ignore", "constant"
NB = "negative-binomial"


def sklearn(name):
    module = pytest.importorskip("sklearn.datasets")
    return getattr(module, f"load_{name}")(as_frame=True).frame


def statsmodels(name):
    return pytest.importorskip(f"statsmodels.datasets.{name}").load_pandas().data


def lifelines(name):
    return getattr(pytest.importorskip("lifelines.datasets"), f"load_{name}")()


def vega(name):
    return getattr(pytest.importorskip("vega_datasets").data, name)()


def penguins(name):
    return pytest.importorskip("palmerpenguins").load_penguins()


# Table → what its columns are; those that are not named are the kind after the star.
TABLES = {
    (sklearn, "iris"): {"target": C, "*": G},
    (sklearn, "wine"): {"target": C, "*": G},
    (sklearn, "breast_cancer"): {"target": B, "*": G},
    (sklearn, "diabetes"): {"sex": B, "*": G},
    (sklearn, "digits"): {
        **dict.fromkeys(("pixel_0_0", "pixel_4_0", "pixel_4_7"), K),
        **{"target": C, "*": G},
    },
    (penguins, ""): {**dict.fromkeys(("species", "island", "year"), C), "sex": B, "*": G},
    (lifelines, "rossi"): {"week": G, "age": G, "prio": NB, "*": B},
    (lifelines, "gbsg2"): {
        **dict.fromkeys(("horTh", "menostat", "cens"), B),
        "tgrade": C,
        "progrec": NB,
        "estrec": NB,
        "*": G,
    },
    (lifelines, "stanford_heart_transplants"): {
        **dict.fromkeys(("event", "surgery", "transplant"), B),
        **{"id": I, "*": G},
    },
    (lifelines, "waltons"): {"T": G, "*": B},
    (lifelines, "lung"): {"status": B, "sex": B, "ph.ecog": C, "*": G},
    (lifelines, "dd"): {
        **dict.fromkeys(("ctryname", "ehead", "leaderspellreg"), N),
        **dict.fromkeys(("un_region_name", "un_continent_name", "regime"), C),
        **{"democracy": B, "observed": B, "*": G},
    },
    (lifelines, "kidney_transplant"): {"time": G, "age": G, "*": B},
    (lifelines, "leukemia"): {"t": G, "logWBC": G, "*": B},
    (statsmodels, "fair"): {
        **dict.fromkeys(("age", "yrs_married", "children", "affairs", "educ"), G),
        "*": C,
    },
    (statsmodels, "star98"): {"*": G},
    (statsmodels, "macrodata"): {"quarter": C, "*": G},
    (statsmodels, "longley"): {"*": G},
    (statsmodels, "anes96"): {
        **dict.fromkeys(("age", "income", "logpopul"), G),
        **{"popul": NB, "vote": B, "*": C},
    },
    (statsmodels, "engel"): {"*": G},
    (statsmodels, "sunspots"): {"*": G},
    (statsmodels, "heart"): {"censors": B, "*": G},
    (statsmodels, "stackloss"): {"*": G},
    (statsmodels, "ccard"): {"OWNRENT": B, "*": G},
    (statsmodels, "strikes"): {"*": G},
    (statsmodels, "scotland"): {"*": G},
    (statsmodels, "fertility"): {
        **dict.fromkeys(("Country Name", "Country Code"), I),
        **dict.fromkeys(("Indicator Name", "Indicator Code"), K),
        **{"2012": N, "2013": N, "*": G},
    },
    (vega, "cars"): {"Name": N, "Year": N, "Cylinders": C, "Origin": C, "*": G},
    (vega, "seattle_weather"): {"date": N, "weather": C, "*": G},
    (vega, "airports"): {
        **{"iata": I, "name": N, "city": N, "state": C, "country": C, "*": G},
    },
    (vega, "stocks"): {"symbol": C, "date": N, "price": G},
    (vega, "barley"): {"yield": G, "year": B, "*": C},
    (vega, "iris"): {"species": C, "*": G},
    (vega, "burtin"): {"Bacteria": I, "Gram_Staining": B, "Genus": C, "*": G},
    (vega, "us_employment"): {"month": N, "*": G},
}


@pytest.fixture(params=TABLES, ids=lambda key: f"{key[0].__name__} {key[1]}".strip())
def table(request):
    """The path of a table's file, and the kinds of its columns."""
    package, name = request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = package(name)
    frame.to_csv("table.csv", index=False)
    kinds = dict(TABLES[request.param])
    rest = kinds.pop("*", None)
    return "table.csv", {str(column): kinds.get(column, rest) for column in frame.columns}


def test_columns_are_taken_for_what_a_person_would_say(table):
    path, kinds = table
    assert {c.name: c.kind for c in guess(csv_file.load(path)).columns} == kinds


@pytest.mark.slow
def test_every_command_works_without_an_option(table):
    path, kinds = table
    assert train.main(["--data", path, "--out", "run"]) == 0
    names = [name for name, kind in kinds.items() if kind not in (I, N)]
    header = text_of(path).splitlines()[0]
    for command in (
        "sample run -n 20 --out s.csv",
        "encode run table.csv --out e.csv",
        "score run table.csv --out l.csv",
        "impute run table.csv --out i.csv",
    ):
        assert evaluate.main(command.split()) == 0
    drawn = csv_file.load("s.csv")
    assert list(drawn.columns) == names and len(drawn) == 20
    filled, given = text_of("i.csv").splitlines(), text_of(path).splitlines()
    assert filled[0] == header and len(filled) == len(given)
    n = len(csv_file.load(path))
    for name in ("e.csv", "l.csv"):
        values = csv_file.load(name)
        assert len(values) == n
        numbers = [x for x in values.columns.values() if x.dtype.kind == "f"]
        assert all(np.isfinite(x).all() for x in numbers)


def text_of(name):
    return Path(name).read_text(encoding="utf-8")
