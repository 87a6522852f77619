from daytwo.monitoring.delays import expected_delay as expected_delay
from daytwo.monitoring.estimating.performance import Estimate as Estimate
from daytwo.monitoring.estimation import estimate as estimate
from daytwo.monitoring.judging.delay import Delay as Delay
from daytwo.monitoring.reporting.making import report as report
from daytwo.monitoring.reporting.report import Report as Report
from daytwo.monitoring.watching import Judgement as Judgement
from daytwo.monitoring.watching import watch as watch

__all__ = ["Delay", "Estimate", "Judgement", "Report", "estimate", "expected_delay", "report", "watch"]
