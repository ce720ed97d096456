"""MAG-BERT's golden cases."""

from making import golden_bert
from torch import Tensor, nn

from msa.models import model_class
from msa.models.mag_bert import AdaptationGate


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    widths = {name: config[name] for name in ("audio_dim", "vision_dim")}
    if case["variant"] == "gate":
        text_dim, beta_shift = config["text_dim"], config["beta_shift"]
        return AdaptationGate(text_dim=text_dim, **widths, beta_shift=beta_shift, dropout=0.5)
    return model_class("mag_bert")(
        bert=golden_bert(config),
        **widths,
        output_dim=config["num_labels"],
        beta_shift=config["beta_shift"],
        padding="released",
    )


def run(model: nn.Module, case: dict, inputs: dict[str, Tensor]) -> tuple:
    if case["variant"] == "gate":
        return model(*(inputs[name] for name in ("text", "audio", "vision"))), {}, {}
    return model(inputs), {}, {}
