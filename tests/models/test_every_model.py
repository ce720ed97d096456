"""What holds for every model; the models are in `tests/making.py`."""

import sys

import pytest
import torch
from making import CASES, collate, make, make_rows
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models import MODELS, model_class
from msa.models.checkpoint import load_released

every_model = pytest.mark.parametrize("name", CASES)
either_padding = pytest.mark.parametrize("padding", ["masked", "released"])


def variant_is_slow(name: str) -> list[pytest.MarkDecorator]:
    """Of a system's other settings the same is asked with the slow tests."""
    return [] if name in MODELS else [pytest.mark.slow]


def predict(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The prediction alone; each term of the loss that comes with it is one finite number."""
    output = model(batch)
    if isinstance(output, tuple):
        output, terms = output
        assert all(term.dim() == 0 and term.isfinite() for term in terms.values())
    return output


def whole_loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The sum of a prediction and of the terms that come with it."""
    output = model(batch)
    output, terms = output if isinstance(output, tuple) else (output, {})
    assert output.isfinite().all()
    return output.sum() + sum(terms.values())


def hide(batch: dict[str, Tensor], rows: slice) -> dict[str, Tensor]:
    """Some rows have no valid step."""
    batch = {key: x.clone() for key, x in batch.items()}
    for key, x in batch.items():
        if key.endswith("_mask"):
            x[rows] = 0
    return batch


def without(batch: dict[str, Tensor], modality: str) -> dict[str, Tensor]:
    """One step of zeros in each row, as for a modality that the data set lacks."""
    b = len(batch[modality])
    x, mask = torch.zeros(b, 1, 1, dtype=torch.float64), torch.ones(b, 1, dtype=torch.bool)
    return batch | {modality: x, f"{modality}_mask": mask}


def assert_finite(model: nn.Module, *batches: dict[str, Tensor]) -> None:
    """Neither a prediction nor the gradient of any parameter is NaN or infinite."""
    for batch in batches:
        whole_loss(model, batch).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(x.isfinite().all() for x in gradients)


def test_no_model_is_left_out() -> None:
    """Each model that learns by gradients is here."""
    learning = {model for model in MODELS if not hasattr(model_class(model), "fit")}
    assert {case.model for case in CASES.values()} == learning


@every_model
def test_output(name: str) -> None:
    """Predictions (b, output_dim), or a pair with named terms of the loss."""
    rows = make_rows(name)
    output = make(name, output_dim=3).eval()(collate(rows))
    output, terms = output if isinstance(output, tuple) else (output, {})
    assert list(terms) == list(CASES[name].terms)
    assert output.shape == (len(rows), 3)


@torch.no_grad()
@every_model
def test_padding_and_other_rows_do_not_matter(name: str) -> None:
    """A row alone is the row in a batch, whatever the padding."""
    model, rows = make(name).eval(), make_rows(name)
    alone = torch.cat([predict(model, collate([row])) for row in rows])
    assert len(alone[:, 0].unique()) == len(rows)
    for side in ("left", "right"):
        for extra in (0, 1, 5):
            together = predict(model, collate(rows, side, extra))
            torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


@torch.no_grad()
@every_model
def test_without_padding_masked_is_released(name: str) -> None:
    """The two ways of padding agree where there is none."""
    for lengths in ([5, 5, 5], [7]):
        batch = collate(make_rows(name, lengths))
        masked = predict(make(name).eval(), batch)
        released = predict(make(name, padding="released").eval(), batch)
        torch.testing.assert_close(masked, released, rtol=0, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sees_padding])
def test_released_sees_padding(name: str) -> None:
    """The released way sees the padding."""
    model, rows = make(name, padding="released").eval(), make_rows(name)
    assert not torch.allclose(predict(model, collate(rows)), predict(model, collate(rows, extra=5)))


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "keyword", "ours"),
    [("lmr_cbt", "recurrence", "time"), ("cm_bert", "text_scale", "sample")],
)
def test_over_the_batch_rows_change_each_other(name: str, keyword: str, ours: str) -> None:
    """As released, a prediction depends on the other rows."""
    rows, change = make_rows(name), {}
    for choice in (ours, "batch"):
        model = make(name, **{keyword: choice}).eval()
        difference = model(collate(rows))[-1] - model(collate(rows[1:]))[-1]
        change[choice] = difference.abs().max()
    assert change[ours] < 1e-9 < 1e-3 < change["batch"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=variant_is_slow(name)) for name in CASES]
)
@either_padding
@pytest.mark.parametrize("training", [False, True])
def test_nothing_there(name: str, padding: str, training: bool) -> None:
    """One row, one step, no valid step: never NaN."""
    model = make(name, padding=padding).train(training)
    rows = make_rows(name)
    one, step, many = collate(rows[:1]), collate(make_rows(name, [1])), collate(rows)
    hidden = (hide(step, slice(1)), hide(many, slice(1)), hide(many, slice(None)))
    assert_finite(model, one, step, *hidden)


@either_padding
@pytest.mark.parametrize(
    ("name", "absent"),
    [
        pytest.param(name, modality, marks=variant_is_slow(name))
        for name in CASES
        for modality in CASES[name].widths
    ],
)
def test_absent_modality(name: str, padding: str, absent: str) -> None:
    """An absent modality is one step of zeros; never NaN, be there nothing else either."""
    model = make(name, padding=padding, **{f"{absent}_dim": 1}).train()
    one, equal, step = (collate(make_rows(name, lengths)) for lengths in ([4], [4, 4, 4], [1]))
    many = collate(make_rows(name))
    hidden = (hide(step, slice(1)), hide(many, slice(1)), hide(many, slice(None)))
    assert_finite(model, *(without(batch, absent) for batch in (one, equal, *hidden)))


@every_model
@either_padding
def test_bf16(name: str, padding: str) -> None:
    """Mixed precision goes through."""
    model = make(name, padding=padding).float().train()
    batch = {
        key: x.float() if x.is_floating_point() else x
        for key, x in collate(make_rows(name)).items()
    }
    with torch.autocast("cpu", torch.bfloat16):
        output = predict(model, batch)
    output.float().sum().backward()
    assert output.isfinite().all()


@every_model
@either_padding
def test_gradients_flow(name: str, padding: str) -> None:
    """No parameter that is to learn is without part in a prediction, or a term of the loss."""
    model = make(name, padding=padding).train()
    for _ in range(3):  # some terms wait for a third batch
        whole_loss(model, collate(make_rows(name))).backward()
    learning = {key: p.grad for key, p in model.named_parameters() if p.requires_grad}
    assert [key for key, gradient in learning.items() if gradient is None] == []


@pytest.mark.parametrize(
    ("name", "keyword"), [(name, keyword) for name in CASES for keyword in CASES[name].choices]
)
def test_unknown_keyword_value(name: str, keyword: str) -> None:
    """A misspelt keyword is told, with what it may be."""
    message = f"^{keyword}: expected one of {CASES[name].choices[keyword]}, got 'no'$"
    with pytest.raises(InputError, match=message):
        make(name, **{keyword: "no"})


@every_model
def test_released_names(name: str) -> None:
    """All is loaded under the authors' names; keys of no use come back; counters may be missing."""
    model, case = make(name), CASES[name]
    ours = {key: x.clone() for key, x in model.state_dict().items() if "num_batches" not in key}
    assert all(any(part in key for key in ours) for part in case.renamed)
    unused = [*case.unused, "a.key.of.no.use"]
    state = {key: torch.zeros(3) for key in unused}
    for key, x in ours.items():
        for part, theirs in case.renamed.items():
            key = key.replace(part, theirs)
        state[key] = x
    translated, set_aside = sys.modules[type(model).__module__].from_released(state)
    assert set_aside == list(case.unused)
    assert list(translated) == [unused[-1], *ours]
    for x in model.state_dict().values():
        x.zero_()
    assert load_released(model, state) == unused
    loaded = model.state_dict()
    assert all(torch.equal(loaded[key], x) for key, x in ours.items())


@every_model
def test_released_weights_that_do_not_fit(name: str) -> None:
    """All that is missing or misshapen is told at once."""
    model, case = make(name), CASES[name]
    (missing, size), (misshapen, shape) = case.shapes.items()
    state = {key: x for key, x in model.state_dict().items() if key != missing}
    state[misshapen] = torch.zeros(2, 7)
    with pytest.raises(InputError) as error:
        load_released(model, state)
    released = f"released weights of {model_class(case.model).__name__}"
    assert sorted(str(error.value).splitlines()) == sorted(
        [
            f"{released}: {missing}: expected {size}, found no such key",
            f"{released}: {misshapen}: expected {shape}, found (2, 7)",
        ]
    )
