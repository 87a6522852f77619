"""How good the model is: `metrics` and `performance` with labels, `estimator` without (learnt by `estimator_fit`)."""
