"""The failures the demo site knows: where each comes from and what it leaves in the Error Log."""

from collections.abc import Mapping

from baken.demo.failures import Failure
from baken.demo.mishaps_association import ASSOCIATION
from baken.demo.mishaps_technical import TECHNICAL

FAILURES: tuple[Failure, ...] = (*ASSOCIATION, *TECHNICAL)
BY_KEY: Mapping[str, Failure] = {failure.key: failure for failure in FAILURES}
