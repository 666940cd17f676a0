"""A setting is the same at every door: VAE, the command line of scripts/train.py, and files."""

import dataclasses
import inspect
import json
import re

import numpy as np
import pytest
from helpers import named

from numvae import VAE
from numvae.commands import train
from numvae.constraints import Flag, near
from numvae.datasets.dataset import IMAGES
from numvae.settings import TABLE, Settings

X = np.random.default_rng(0).random((12, 4))
NAN, INF = float("nan"), float("inf")
LINES = {line.name: line for line in TABLE}
WITH_FLAG = {name: line for name, line in LINES.items() if line.metadata["group"]}


def flag(name):
    return "--" + (LINES[name].metadata["flag"] or name).replace("_", "-")


def typed(*argv):
    """The settings that scripts/train.py takes from the command line: a dict."""
    return vars(train.parser().parse_args(argv))


def same(a, b):
    return type(a) is type(b) and a == b


# The table.


def test_every_setting_is_an_argument_of_vae_in_the_order_of_the_table():
    signature = inspect.signature(VAE)
    assert {name: p.default for name, p in signature.parameters.items()} == VAE().get_params()
    assert list(signature.parameters) == list(LINES) == list(VAE().get_params())
    keyword_only = [p.kind is p.KEYWORD_ONLY for p in signature.parameters.values()]
    assert keyword_only == [False] + [True] * (len(LINES) - 1)


def test_every_setting_has_one_entry_in_the_docstring_with_its_help_and_default():
    before = inspect.getdoc(VAE).split("\nAttributes\n")[0].split("\nParameters\n")[1]
    entries = re.findall(r"^(\w+) : (.+), default=(.+)$", before, re.M)
    assert [(name, default) for name, _, default in entries] == [
        (line.name, repr(line.default)) for line in TABLE
    ]
    kinds = {name: kind for name, kind, _ in entries}
    assert kinds["epochs"] == "int or None" and kinds["hidden"] == "int or Sequence"
    assert kinds["optimizer"] == "{'adam', 'adagrad', 'sgd'}" and kinds["lr"] == "float"
    wanted = [
        f"{line.name} : {kinds[line.name]}, default={line.default!r} {line.metadata['help']}"
        + f"; None: {line.metadata['none']}" * (line.metadata["none"] is not None)
        for line in TABLE
    ]
    head, *lines = before.strip().splitlines()
    assert set(head) == {"-"} and " ".join(" ".join(lines).split()) == " ".join(wanted)
    assert max(map(len, lines)) <= 92


def test_every_setting_with_a_group_has_one_flag_there_with_its_help():
    parser = train.parser()
    actions = [(g.title, a) for g in parser._action_groups for a in g._group_actions]
    found = {a.dest: (title, a) for title, a in actions if a.dest in LINES}
    assert list(found) and set(found) == set(WITH_FLAG)
    assert len([a for _, a in actions if a.dest in LINES]) == len(found)
    for name, (title, action) in found.items():
        both = [flag(name), f"--no-{name}"] if LINES[name].default is True else [flag(name)]
        assert title == LINES[name].metadata["group"] and action.option_strings == both
        assert action.help.startswith(LINES[name].metadata["help"])
    assert all(name in parser.format_help() for name in map(flag, WITH_FLAG))


def test_the_help_says_every_default():
    found = {
        action.dest: action.help.removeprefix(LINES[action.dest].metadata["help"])
        for action in train.parser()._actions
        if action.dest in WITH_FLAG
    }
    of_data = {
        "n_latent": "one for two columns, up to 16; of images 2",
        "hidden": "128; of images 256",
        "likelihood": "the one that suits the data",
        "skip": "True; of images False",
        "standardize": "True; of images False",
        "epochs": "until the held-out ELBO has stopped rising; of images until 1,000,000 examples "
        "are seen",
        "batch_size": "128; of images 100",
        "lr": "0.005; of images 0.001",
        "schedule": "cosine; of images constant",
        "clip": "1.0; of images None",
        "random_state": "0",
    }
    for name, line in WITH_FLAG.items():
        known = name in of_data or not (line.default is None or line.default is False)
        said = of_data.get(name, line.default)
        assert found[name] == (f" (default: {said})" if known else "")


def test_the_help_shows_what_may_be_typed():
    text = " ".join(train.parser().format_help().split())
    for typed in ("activation NAME", "likelihood NAME", "hidden H1,H2|none", "epochs N"):
        assert f"--{typed} " in text
    assert "--denoise KIND:AMOUNT " in text and "--objective {elbo,sampled-elbo," in text


def test_what_is_not_typed_has_its_default_or_is_left_to_the_data():
    args = typed()
    assert {name for name in WITH_FLAG if args[name] is None} >= {"likelihood", "epochs", *IMAGES}
    differ = {name for name in WITH_FLAG if not same(args[name], LINES[name].default)}
    assert differ == {"likelihood", "random_state", *IMAGES} - {"n_latent"}
    assert args["random_state"] == 0


def test_a_setting_that_is_not_given_is_as_it_always_was():
    """Another default is another model for everyone who did not say what they want."""
    assert Settings().plain() == {
        **{"n_latent": None, "hidden": (128,), "activation": "tanh", "sigma": 0.1},
        **{"likelihood": "gaussian-sigma-z", "sigma_min": 0.01, "dropout": 0.0, "skip": True},
        **{"standardize": True, "init_sigma": None, "epochs": None, "batch_size": 128},
        **{"momentum": 0.9, "weight_decay": 0.0},
        **{"optimizer": "adam", "lr": 5e-3, "schedule": "cosine", "clip": 1.0, "beta": 1.0},
        **{"objective": "elbo", "n_samples": 1, "warmup": 0, "free_bits": 0.0, "denoise": None},
        **{"binarize": "none", "missing": False, "validation_fraction": 0.1, "columns": None},
        **{"n_importance": 100, "contamination": 0.1, "random_state": None, "n_jobs": None},
        **{"condition": None, "verbose": False},
    }


def test_what_the_network_is_given_follows_from_the_columns_and_the_likelihood():
    for n_features, n_latent in ((1, 1), (2, 1), (11, 5), (32, 16), (500, 16)):
        assert Settings().of_network(n_features)["n_latent"] == n_latent
        assert Settings(3).of_network(n_features)["n_latent"] == 3
    for likelihood, real in (("bernoulli", False), ("gaussian:1,bernoulli:1", True)):
        given = Settings(likelihood=likelihood).of_network(2)
        assert given["skip"] == given["standardize"] == real
    given = Settings(likelihood="poisson").of_network(2)
    assert given["standardize"] and not given["skip"]
    given = Settings(skip=False, standardize=False).of_network(2)
    assert not given["standardize"] and not given["skip"]


def test_every_default_is_within_its_constraint_as_it_is():
    assert Settings().checked().plain() == VAE().get_params()
    assert all(same(getattr(Settings().checked(), line.name), line.default) for line in TABLE)


# What is let through, as the same plain value at every door.

KINDS = {"a:b": "gaussian", "c": "ignore"}
GOOD = [
    ("columns", {"a": "id"}, "a:id", {"a": "id"}),
    ("columns", {"a:b": "gaussian", "c": "ignore"}, *["a:b:gaussian,c:ignore", KINDS]),
    ("condition", ("age", "sex"), "age,sex", ["age", "sex"]),
    ("n_latent", np.int64(3), "3", 3),
    ("n_latent", 10**9, str(10**9), 10**9),
    ("hidden", [5, np.int8(3)], "5,3", (5, 3)),
    ("hidden", np.array([8]), "8", (8,)),
    ("hidden", 64, "64", (64,)),
    ("hidden", np.array(8), "8", (8,)),
    ("hidden", (), "none", ()),
    ("hidden", (1,), "1", (1,)),
    ("activation", "elu", "elu", "elu"),
    ("activation", "linear,tanh", "linear,tanh", "linear,tanh"),
    ("likelihood", "continuous-bernoulli", "continuous-bernoulli", "continuous-bernoulli"),
    ("likelihood", "gaussian:3,categorical:5", *["gaussian:3,categorical:5"] * 2),
    ("likelihood", "gaussian:1,poisson:2", *["gaussian:1,poisson:2"] * 2),
    ("sigma", 1, "1", 1.0),
    ("sigma_min", np.float32(0.5), "0.5", 0.5),
    ("dropout", 0, "0", 0.0),
    ("init_sigma", 1e-300, "1e-300", 1e-300),
    ("epochs", 1, "1", 1),
    ("batch_size", np.uint64(7), "7", 7),
    ("optimizer", "sgd", "sgd", "sgd"),
    ("lr", 3, "3", 3.0),
    ("momentum", 0, "0", 0.0),
    ("weight_decay", 1, "1", 1.0),
    ("schedule", "cosine", "cosine", "cosine"),
    ("clip", 2, "2", 2.0),
    ("objective", "iwae", "iwae", "iwae"),
    ("n_samples", 5, "5", 5),
    ("beta", 0, "0e0", 0.0),
    ("warmup", 0, "0", 0),
    ("free_bits", 0.25, ".25", 0.25),
    ("denoise", ("salt_and_pepper", 1), "salt_and_pepper:1", ("salt_and_pepper", 1.0)),
    ("denoise", ["gaussian", 0], "gaussian:0", ("gaussian", 0.0)),
    ("random_state", np.int32(0), "0", 0),
    ("random_state", 10**20 - 1, "99999999999999999999", 10**20 - 1),
]


@pytest.mark.parametrize(("name", "value", "text", "wanted"), GOOD, ids=str)
def test_a_value_and_its_text_are_the_same_plain_setting(name, value, text, wanted):
    s = Settings(**{"hidden": (4, 4), name: value}).checked()
    assert same(getattr(s, name), wanted) and same(typed(flag(name), text)[name], wanted)
    from_file = Settings(**json.loads(json.dumps(s.plain()))).checked()
    assert same(getattr(from_file, name), wanted)


@pytest.mark.parametrize("name", ["binarize", "missing"])
def test_what_is_about_the_data_can_be_given_and_typed(name):
    value = {"binarize": "fixed", "missing": True}[name]
    assert typed(flag(name), *[value] * (value != 1))[name] == value
    assert getattr(Settings(likelihood="bernoulli", **{name: value}).checked(), name) == value


@pytest.mark.parametrize("name", ["skip", "standardize"])
def test_what_is_on_can_be_switched_off(name):
    assert getattr(Settings().checked(), name) is True
    assert getattr(Settings(**{name: 0}).checked(), name) is False
    assert typed(f"--no-{name}")[name] is False and typed(flag(name))[name] is True


def test_settings_without_a_flag_are_taken_too():
    values = {"validation_fraction": np.float32(0.5), "n_importance": 1, "verbose": np.True_}
    s = Settings(**values, contamination=np.float32(0.5)).checked()
    assert same(s.validation_fraction, 0.5) and same(s.n_importance, 1) and s.verbose is True
    assert same(s.contamination, 0.5)


def test_a_generator_as_random_state_is_kept_and_none_in_a_file():
    for state in (np.random.default_rng(0), np.random.RandomState(0), None):
        s = Settings(random_state=state).checked()
        assert s.random_state is state and s.plain()["random_state"] is None


# What is refused, with which words in the sentence.

VALUES, TEXTS = [], []


def bad(error, says, names, values, texts=""):
    """Values that are given, and texts that are typed (with blanks between them)."""
    for name in names.split():
        VALUES.extend((name, value, error, says) for value in values)
        TEXTS.extend((name, text, says) for text in texts.split() if name in WITH_FLAG)


COUNTS = "n_latent epochs batch_size n_samples n_importance"
says = "must be a whole number, at least 1, found "
bad(ValueError, says, COUNTS, [0, -1, np.int64(0)], "0 -1")
bad(TypeError, says, COUNTS, [2.5, 3.0, NAN, True, "3", [3]], "2.5 x nan")
bad(TypeError, says, "batch_size n_samples n_importance", [None])
says = "must be 'y', or a list of names of columns such as ['age'], found "
bad(TypeError, says, "condition", ["age", [], 3, np.array(["age", "sex"])])
bad(ValueError, "must name each column once, found ", "condition", [["a", "a"]], "a,a")
bad(TypeError, "must be a text, found ", "condition", [[3]])
says = "must be at most 1,000,000,000, found "
bad(ValueError, says, COUNTS, [10**9 + 1, 2**70, 10**400], f"{10**9 + 1} {10**30}")
says = "must be a whole number, at least 0, found "
bad(ValueError, says, "warmup random_state", [-1], "-1")
bad(TypeError, says, "warmup random_state", [1.5, 1.0, True, "0", [0]], "1.0 x")
SCALES = "sigma sigma_min lr clip init_sigma"
says = "must be a number above 0, found "
bad(ValueError, says, SCALES, [0, -0.1, NAN, INF, -INF, 10**400, np.float32("nan")])
bad(ValueError, says, SCALES, [0.0], "0 -1 nan inf -inf 1e400")
bad(TypeError, says, SCALES, [True, "0.1", 1j, np.ones(2)], "fast 0x1")
bad(TypeError, says, "sigma sigma_min lr", [None])
says = "must be a number, at least 0, found "
bad(ValueError, says, "beta free_bits weight_decay", [-1, NAN, INF], "-1 nan inf")
bad(TypeError, says, "beta free_bits weight_decay", [True, "1", None], "x")
says = "must be a number, at least 0 and below 1, found "
bad(ValueError, "must be 1 or more, or −1 for as many as there are cores, found 0", "n_jobs", [0])
bad(TypeError, "must be a whole number, found", "n_jobs", [True, 1.5, "2"])
bad(ValueError, says, "dropout momentum validation_fraction", [-0.1, 1, 1.5, NAN], "-0.1 1 nan")
bad(TypeError, says, "dropout momentum validation_fraction", [True, "0.1", None], "x")
says = "must be a number above 0 and at most 0.5, found "
bad(ValueError, says, "contamination", [0, 0.51, NAN])
bad(TypeError, says, "contamination", ["auto", True, None])

NO_WIDTHS = [8.0, None, "8,8", b"ab", {8}, iter([8])]
bad(TypeError, "must be a sequence of widths, found ", "hidden", NO_WIDTHS)
says = "must hold widths, each a whole number, at least 1, found "
bad(ValueError, says, "hidden", [[0], (8, -1), 0], "0 16,-4")
bad(TypeError, says, "hidden", [[2.5], [True], ["8"], [[8]], True], "a 16, 2.5 8,x")

CHOICES = "activation likelihood optimizer schedule objective binarize"
bad(TypeError, "must be one of ", CHOICES, [None, 3, True, ["adam"]])
says = "found 'tahn'. Did you mean 'tanh'?"
bad(ValueError, says, "activation", ["tahn", "tanh,tahn"], "tahn tanh,tahn")
bad(ValueError, "Did you mean 'bernoulli'?", "likelihood", ["bernouli"], "bernouli")
bad(ValueError, "Did you mean 'gaussian'?", "likelihood", ["gausian:3"], "gausian:3")
NO_BLOCKS = ["gaussian:0", "gaussian:x", "gaussian:", "gaussian:2,bernoulli"]
bad(ValueError, "needs a number of columns, as in", "likelihood", NO_BLOCKS, " ".join(NO_BLOCKS))
bad(ValueError, "must be one of bernoulli, ", "likelihood", ["gaussian:2,"], "gaussian:2,")
says = "must be one of adam, adagrad, sgd, found "
bad(ValueError, says, "optimizer", ["xyz", ""], "xyz")
bad(ValueError, f"{says}'adamm'. Did you mean 'adam'?", "optimizer", ["adamm"], "adamm")
bad(ValueError, "Did you mean 'cosine'?", "schedule", ["cosin"], "cosin")
bad(ValueError, "Did you mean 'iwae'?", "objective", ["iwea"], "iwea")
says = "must be one of none, fixed, dynamic, found 'always'."
bad(ValueError, says, "binarize", ["always"], "always")

says = "must be names of columns, each with one of gaussian, poisson, negative-binomial, "
says += "bernoulli, categorical, id, ignore, as in age:gaussian,sex:categorical; found "
bad(TypeError, says, "columns", [3, ["a"], {1: "id"}])
bad(ValueError, says, "columns", [{"a": "number"}, "a", "a:"], "a a:x a:id,")

says = "must be a kind and an amount, such as ('gaussian', 0.2), or gaussian:0.2 on the command "
says += "line, found "
bad(TypeError, says, "denoise", ["gaussian", ("gaussian",), 0.3], "gaussian 0.3")
says = "kind must be one of salt_and_pepper, gaussian, found 'gausian'. Did you mean 'gaussian'?"
bad(ValueError, says, "denoise", [("gausian", 1)], "gausian:1")
says = "amount must be a number, at least 0, found "
bad(ValueError, says, "denoise", [("gaussian", x) for x in (-1, NAN, INF)], "gaussian:-1")
bad(TypeError, says, "denoise", [("gaussian", x) for x in ("1", None)], "gaussian: gaussian:x")
says = "amount must be a number, at least 0 and at most 1, found "
bad(ValueError, says, "denoise", [("salt_and_pepper", 1.01)], "salt_and_pepper:1.01")
bad(TypeError, says, "denoise", [("salt_and_pepper", True)])
FLAGS = "missing verbose skip standardize"
bad(TypeError, "must be True or False, found ", FLAGS, ["yes", None, 0.5, 1.0, 2, -1])


def assert_is_a_sentence(message):
    assert "\n" not in message and message[-1] in ".?" and message[-2] not in ".?"


def refused(error, **values):
    """What is said of values that are given, the same by `checked` and by `VAE.fit`."""
    with pytest.raises(error) as caught:
        Settings(**values).checked()
    with pytest.raises(error) as by_fit:
        VAE(**values).fit(X)
    assert str(by_fit.value) == str(caught.value)
    assert_is_a_sentence(str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize(("name", "value", "error", "says"), VALUES, ids=named)
def test_a_value_that_is_out_of_its_constraint_is_refused(name, value, error, says):
    message = refused(error, **{name: value})
    assert message.startswith(f"{name} ") and says in message


@pytest.mark.parametrize(("name", "text", "says"), TEXTS, ids=str)
def test_a_text_that_is_out_of_its_constraint_is_refused(name, text, says, capsys):
    with pytest.raises(SystemExit) as caught:
        typed(f"{flag(name)}={text}")
    assert caught.value.code == 2
    message = capsys.readouterr().err.partition(f": argument {flag(name)}: ")[2]
    assert says in message and message.endswith(" (see --help)\n")
    assert_is_a_sentence(message.removesuffix(" (see --help)\n"))


def test_every_constraint_has_been_met():
    flags = {n for n, line in LINES.items() if isinstance(line.metadata["constraint"], Flag)}
    assert {name for name, *_ in VALUES} == set(LINES)
    assert {name for name, *_ in TEXTS} == set(WITH_FLAG) - flags
    about_data = {"binarize", "missing"}
    assert {name for name, *_ in GOOD} | about_data | {"skip", "standardize"} == set(WITH_FLAG)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"activation": "tanh,elu"}, "activation 'tanh,elu' names 2 for 1 hidden layers; give one"),
        ({"activation": "tanh,elu", "hidden": ()}, "names 2 for 0 hidden layers"),
        (
            {"sigma_min": 1e-200},
            "sigma_min must have a square that is above 0 and below 3e+38, found",
        ),
        ({"sigma": 1e-200}, "sigma must have a square that is above 0 and below 3e+38, found"),
        (
            {"sigma_min": 2e19},
            "sigma_min must have a square that is above 0 and below 3e+38, found",
        ),
        ({"free_bits": 0.1, "objective": "iwae"}, "free_bits goes with objective 'elbo', not with"),
        ({"binarize": "fixed"}, "binarize makes values 0 or 1, which gaussian-sigma-z does not"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together_are_refused(values, says):
    assert says in refused(ValueError, **values)


def test_checking_changes_nothing_and_gives_settings_of_their_own():
    vae = VAE(hidden=[8], lr=1)
    s = vae.checked()
    assert type(s) is Settings and s.hidden == (8,) and same(s.lr, 1.0)
    assert vae.hidden == [8] and same(vae.lr, 1)
    assert dataclasses.replace(s, epochs=3).epochs == 3


def test_the_nearest_name_is_suggested_or_none():
    known = ("adam", "adagrad", "sgd")
    assert near("Adam", known) == " Did you mean 'adam'?"
    assert near("xyz", known) == ""
