from daytwo.contracts.contract import Contract as Contract
from daytwo.contracts.table.report import Report as Report
from daytwo.contracts.toml import read_contract as read_contract
from daytwo.contracts.validation import Validation as Validation
from daytwo.contracts.validation import check as check
from daytwo.contracts.validation import propose as propose

__all__ = ["Contract", "Report", "Validation", "check", "propose", "read_contract"]
