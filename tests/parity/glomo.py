"""GLoMo's golden cases."""

from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class
from msa.models.experts import MixtureOfExperts
from msa.models.glomo import from_released

__all__ = ["Mixture", "build", "from_released", "run"]


class Mixture(MixtureOfExperts):
    """The mixture alone, whose released keys are those of the whole system's file."""


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    if case["variant"] == "moe":
        return Mixture(
            input_dim=config["input_size"],
            output_dim=config["output_size"],
            experts=config["num_experts"],
            hidden=config["hidden_size"],
            top_k=config["k"],
        )
    return model_class("glomo")(
        bert=golden_bert(config) if "bert" in config else None,
        text_dim=inputs["text"].shape[2] if "text" in inputs else None,
        audio_dim=inputs["audio"].shape[2],
        vision_dim=inputs["vision"].shape[2],
        output_dim=inputs["output"].shape[1],
        d_model=config["d_l"],
        heads=config["num_heads"],
        layers=config["layers"],
        text_grain=config["gran_t"],
        audio_grain=config["gran_a"],
        vision_grain=config["gran_v"],
        text_experts=config["experts_t"],
        audio_experts=config["experts_a"],
        vision_experts=config["experts_v"],
        top_k=config["k"],
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    if case["variant"] == "moe":
        output, loss = model.train()(inputs["x"], noise=inputs["noise"])
        return output, {"experts": loss}, {}
    output, terms = model(inputs)
    return output, terms, {}
