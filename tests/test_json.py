"""The JSON output: it keeps to its schema, and its data are the equations of the course."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import bptt_sym

SCHEMA = json.loads(
    (Path(__file__).parent.parent / "docs" / "derivation.schema.json").read_text(encoding="utf-8")
)

MODELS = ("elman", "elman-bias", "lstm", "lstm-peephole", "stacked")
LEVELS = ("chain", "jacobian", "adjoint")
LOSSES = ("last", "sum", "mean")


def derived(model="elman", **options):
    """A derivation as it is read back from its JSON."""
    return json.loads(bptt_sym.derive(bptt_sym.load_model(model), **options).json())


def section(data, parameter):
    (found,) = [each for each in data["sections"] if each["parameter"] == parameter]
    return found


def contributions(data, parameter):
    equations = section(data, parameter)["equations"]
    return [equation for equation in equations if equation["contribution"]]


def symbol(node):
    time = node["time_step"]
    return node["name"] if time is None else f"{node['name']}_{time}"


def fractions(chain):
    return [f"d{symbol(factor['of'])}/d{symbol(factor['by'])}" for factor in chain]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def properties(schema):
    """Every property that the schema names, with its own schema."""
    yield from schema.get("properties", {}).items()
    for definition in schema.get("$defs", {}).values():
        yield from definition.get("properties", {}).items()


@pytest.mark.parametrize(("name", "schema"), list(properties(SCHEMA)))
def test_each_field_is_described(name, schema):
    assert schema["description"].endswith("."), name


@pytest.mark.one_in(5)
@pytest.mark.parametrize("steps", [1, 3, 12])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("model", MODELS)
def test_every_output_keeps_to_the_schema(model, level, loss, steps):
    data = derived(model, level=level, loss=loss, steps=steps)
    Draft202012Validator(SCHEMA).validate(data)
    labels = [equation["label"] for each in data["sections"] for equation in each["equations"]]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("steps", [2, 30])
def test_lists_of_paths_keep_to_the_schema(steps):
    """For 30 steps there are more paths than are listed, and their number is there."""
    data = derived("lstm", steps=steps, wrt="W_hf", paths=True)
    Draft202012Validator(SCHEMA).validate(data)
    (listed,) = data["sections"]
    assert len(listed["equations"]) == (int(listed["path_count"]) if steps == 2 else 0)


def test_a_tuple_of_states_has_its_components():
    (chain,) = contributions(derived("lstm", wrt="W_hf", steps=3), "W_hf")[1]["chains"]
    tuples = [factor["by"] for factor in chain if factor["by"]["components"]]
    assert [symbol(found) for found in tuples] == ["h.c_3", "h.c_2"]
    assert [symbol(part) for part in tuples[1]["components"]] == ["h_2", "c_2"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(level="matrix"),
        lambda data: data.update(steps=0),
        lambda data: data.pop("convention"),
        lambda data: data.update(extra=1),
        lambda data: data["sections"][0]["equations"][0].pop("right"),
        lambda data: data["sections"][0]["equations"][0]["chains"][0][0].update(kind="partial"),
    ],
)
def test_the_schema_refuses_a_spoilt_output(spoil):
    data = derived(steps=3)
    spoil(data)
    assert not Draft202012Validator(SCHEMA).is_valid(data)


def test_the_contributions_by_w_s_are_those_of_the_course():
    """Equations 38 to 40."""
    data = derived(wrt="W_s", steps=3, number_from=38)
    assert {
        equation["number"]: [fractions(chain) for chain in equation["chains"]]
        for equation in contributions(data, "W_s")
    } == {
        38: [["dE_3/dy_3", "dy_3/ds_3", "ds_3/dW_s"]],
        39: [["dE_3/dy_3", "dy_3/ds_3", "ds_3/ds_2", "ds_2/dW_s"]],
        40: [["dE_3/dy_3", "dy_3/ds_3", "ds_3/ds_2", "ds_2/ds_1", "ds_1/dW_s"]],
    }


def test_the_sum_and_the_general_form_by_w_s_are_those_of_the_course():
    """Equation 41, the sum of 38, 39 and 40, and equation 42."""
    *parts, total, general = section(derived(wrt="W_s", steps=3), "W_s")["equations"]
    assert total["left"]["text"] == "∂E₃/∂W_s"
    assert total["right"]["text"] == " + ".join(part["right"]["text"] for part in parts)
    assert total["chains"] == [chain for part in parts for chain in part["chains"]]
    assert general["right"]["text"] == "Σᵢ₌₁ᴺ ∂E_N/∂y_N · ∂y_N/∂sᵢ · ∂sᵢ/∂W_s"
    assert [fractions(chain) for chain in general["chains"]] == [
        ["dE_N/dy_N", "dy_N/ds_i", "ds_i/dW_s"]
    ]


def test_the_gradient_by_w_y_is_that_of_the_course():
    """Equations 36 and 37: one contribution, so the sum alone, then the form for N."""
    data = derived(wrt="W_y", steps=3, number_from=36)
    assert {
        equation["number"]: [fractions(chain) for chain in equation["chains"]]
        for equation in section(data, "W_y")["equations"]
    } == {
        36: [["dE_3/dy_3", "dy_3/dW_y"]],
        37: [["dE_N/dy_N", "dy_N/dW_y"]],
    }


@pytest.mark.parametrize(("parameter", "copy"), [("W_s", "W_s"), ("W_x", "W_x")])
def test_the_paths_lead_from_the_loss_to_each_copy(parameter, copy):
    """Contribution i goes through s_3, ..., s_i to the copy that step i uses."""
    found = {
        equation["contribution"]["time_step"]: equation["contribution"]
        for equation in contributions(derived(steps=3), parameter)
    }
    assert {
        step: [[symbol(node) for node in path] for path in contribution["paths"]]
        for step, contribution in found.items()
    } == {
        3: [["E_3", "y_3", "s_3", f"{copy}_3"]],
        2: [["E_3", "y_3", "s_3", "s_2", f"{copy}_2"]],
        1: [["E_3", "y_3", "s_3", "s_2", "s_1", f"{copy}_1"]],
    }
    assert [found[step]["path_count"] for step in (3, 2, 1)] == [1, 1, 1]


def test_only_the_last_factor_is_immediate():
    """Within the network each edge is the only path, so immediate and total are the same."""
    for equation in contributions(derived(wrt="W_s", steps=3), "W_s"):
        (chain,) = equation["chains"]
        assert [factor["kind"] for factor in chain] == ["both"] * (len(chain) - 1) + ["immediate"]


def test_a_factor_of_the_general_form_stands_for_a_longer_chain():
    """dy_N/ds_i is total, has no matrix of its own, and is defined once."""
    data = derived(wrt="W_s", steps=3)
    general = section(data, "W_s")["equations"][-1]
    (chain,) = general["chains"]
    assert chain[1]["kind"] == "total"
    assert chain[1]["jacobian"] is None
    definitions = [each for each in data["sections"] if each["topic"] == "definitions"]
    lefts = [equation["left"] for each in definitions for equation in each["equations"]]
    assert lefts == [chain[1]["derivative"]]


def test_a_factor_knows_its_matrix_and_shape():
    (chain,) = contributions(derived(wrt="W_s", steps=3), "W_s")[1]["chains"]
    assert [(factor["jacobian"]["text"], factor["jacobian"]["shape"]) for factor in chain] == [
        ("−2 (d₃ − y₃)", ["1", "k"]),
        ("diag(σ′(o₃)) W_yᵀ", ["k", "n"]),
        ("diag(φ′(z₃)) W_sᵀ", ["n", "n"]),
        ("diag(φ′(z₂)) (s₁ ⊗ Iₙ)", ["n", "n**2"]),
    ]


@pytest.mark.parametrize("level", ["chain", "jacobian"])
def test_summed_over_all_losses_a_copy_is_reached_from_each_later_loss(level):
    """Loss sum, N = 3: the copy of step i has the paths from E_i, ..., E_3."""
    data = derived(wrt="W_s", steps=3, loss="sum", level=level)
    losses = {
        equation["contribution"]["time_step"]: [
            symbol(path[0]) for path in equation["contribution"]["paths"]
        ]
        for equation in contributions(data, "W_s")
    }
    assert losses == {3: ["E_3"], 2: ["E_2", "E_3"], 1: ["E_1", "E_2", "E_3"]}


@pytest.mark.parametrize(("loss", "counts"), [("last", [1] * 12), ("sum", list(range(1, 13)))])
def test_abbreviated_contributions_still_count_their_paths(loss, counts):
    found = contributions(derived(wrt="W_s", steps=12, loss=loss), "W_s")
    assert [equation["contribution"]["path_count"] for equation in found] == counts
    assert [equation["contribution"]["time_step"] for equation in found] == list(range(12, 0, -1))


def test_the_adjoint_recursion_says_for_which_steps_it_holds():
    general = [each for each in derived(level="adjoint")["sections"] if each["topic"] == "adjoints"]
    spans = [equation["for"] for equation in general[-1]["equations"] if equation["for"]]
    assert spans == [
        {"index": "t", "from": "N - 1", "down_to": "1", "order": "falling"},
        {"index": "t", "from": "N", "down_to": "1", "order": "falling"},
    ]


def test_the_command_makes_the_same_file_again():
    data = derived(wrt="W_s", steps=4, level="jacobian", loss="sum", number_from=7)
    assert data["command"] == (
        "bptt-sym derive elman --steps 4 --wrt W_s --level jacobian --loss sum --format json "
        "--number-from 7"
    )
