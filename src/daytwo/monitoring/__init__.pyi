from daytwo.monitoring.watching import Judgement as Judgement
from daytwo.monitoring.watching import watch as watch

__all__ = ["Judgement", "watch"]
