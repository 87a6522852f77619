from daytwo.lifecycle.retraining.replay import Run as Run
from daytwo.lifecycle.retraining.replay import simulate as simulate

__all__ = ["Run", "simulate"]
