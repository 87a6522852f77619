from daytwo.monitoring.delays import expected_delay as expected_delay
from daytwo.monitoring.judging.delay import Delay as Delay
from daytwo.monitoring.reporting.making import report as report
from daytwo.monitoring.reporting.report import Report as Report
from daytwo.monitoring.watching import Judgement as Judgement
from daytwo.monitoring.watching import watch as watch

__all__ = ["Delay", "Judgement", "Report", "expected_delay", "report", "watch"]
