"""Trains the sample model and writes ``model/sklearn_regression_model.pkl`` beside this file.

Run it in an environment made from ``environment/conda.yaml``: a pickle loads reliably only with the
versions that made it.
"""

from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

MODEL = Path(__file__).resolve().parent / "model" / "sklearn_regression_model.pkl"


def train() -> LinearRegression:
    """Return a linear regression on scikit-learn's diabetes data: 10 features, 442 rows, nothing random."""
    features, target = load_diabetes(return_X_y=True)
    return LinearRegression().fit(features, target)


if __name__ == "__main__":
    MODEL.parent.mkdir(exist_ok=True)
    model = train()
    joblib.dump(model, MODEL)
    rows = [list(range(1, 11)), list(range(10, 0, -1))]
    print(f"{MODEL}: {MODEL.stat().st_size} bytes; the sample request scores {model.predict(rows).tolist()}")
