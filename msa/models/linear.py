"""Ridge regression, and for classes logistic regression with the same penalty, on plain arrays.

Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics
1970. Labels are (n, k). Unless the task is regression, the outputs are logits, shared evenly by the
k questions, question after question.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

ALPHAS = np.logspace(-2, 6, 17)

Array = np.ndarray
Candidate = tuple[float, Array, Array]  # validation loss, weight (m, d), bias (m,)


class Linear(NamedTuple):
    """A linear model of d standardised columns and m outputs.

    Attributes:
        center: of the training rows, (d,).
        scale: their deviation, (d,), 1 where a column is constant.
        weight: (m, d).
        bias: (m,).
        alpha: the penalty.
    """

    center: Array
    scale: Array
    weight: Array
    bias: Array
    alpha: float

    def predict(self, x: Array) -> Array:
        """The outputs (n, m) for rows (n, d)."""
        return (x - self.center) / self.scale @ self.weight.T + self.bias


def fit(task: str, outputs: int, x: Array, y: Array, x_valid: Array, y_valid: Array) -> Linear:
    """The model of training rows whose penalty does best on the validation rows.

    Args:
        task: regression, binary or classification.
        outputs: m.
        x: (n, d) float64.
        y: (n, k).
        x_valid: (v, d).
        y_valid: (v, k).
    """
    center, scale = x.mean(axis=0), x.std(axis=0)
    # a constant column has a deviation of rounding errors, not always of zero
    scale[scale <= 1e-6 * np.abs(center)] = 1.0
    rows = (x - center) / scale, y, (x_valid - center) / scale, y_valid
    if task == "regression":
        candidates = [_regression(*rows, alpha) for alpha in ALPHAS]
    else:
        candidates = [_classification(*rows, alpha, outputs) for alpha in ALPHAS]
    best = min(range(len(ALPHAS)), key=lambda i: candidates[i][0])
    _, weight, bias = candidates[best]
    return Linear(center, scale, weight, bias, float(ALPHAS[best]))


def log_frequencies(label: Array, classes: int) -> Array:
    """The log of each class's share of some labels (n,)."""
    # half a count for a class never seen keeps the cross-entropy finite
    counts = np.bincount(label.astype(int), minlength=classes).clip(min=0.5)
    return np.log(counts / len(label))


def _regression(x: Array, y: Array, x_valid: Array, y_valid: Array, alpha: float) -> Candidate:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=alpha).fit(x, y.astype(float))
    weight = model.coef_.reshape(y.shape[1], -1)  # (m, d)
    bias = np.reshape(model.intercept_, -1)
    error = float(np.mean((x_valid @ weight.T + bias - y_valid) ** 2))
    return error, weight, bias


def _classification(
    x: Array, y: Array, x_valid: Array, y_valid: Array, alpha: float, outputs: int
) -> Candidate:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = outputs // y.shape[1]
    weights, biases, loss = [], [], 0.0
    for label, label_valid in zip(y.T.astype(int), y_valid.T.astype(int), strict=True):
        weight = np.zeros((classes, x.shape[1]))
        bias = log_frequencies(label, classes)
        seen = np.unique(label)
        if len(seen) > 1:
            with warnings.catch_warnings():
                # not converged is still a candidate: the validation loss judges it
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = LogisticRegression(C=1 / alpha, max_iter=200).fit(x, label)
            # of two classes scikit-learn keeps the second one's row only
            rows = seen if len(seen) > 2 else seen[1:]
            bias[seen] = 0.0
            weight[rows] = model.coef_
            bias[rows] = model.intercept_
        weights.append(weight)
        biases.append(bias)
        scores = log_softmax(x_valid @ weight.T + bias, axis=1)
        loss -= float(scores[np.arange(len(label_valid)), label_valid].mean())
    return loss / y.shape[1], np.concatenate(weights), np.concatenate(biases)
