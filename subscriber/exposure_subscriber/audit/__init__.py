"""The audit: proof that the cache holds what the exposureDB does, night by night, and healing where it does not."""

from exposure_subscriber.audit.asking import Answer, NoAnswer, Publisher
from exposure_subscriber.audit.audit import Audit, Finding, Proof
from exposure_subscriber.audit.verdict import Verdict

__all__ = ["Answer", "Audit", "Finding", "NoAnswer", "Proof", "Publisher", "Verdict"]
