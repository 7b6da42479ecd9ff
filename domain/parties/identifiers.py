"""Check digits of outside numbers (kontrolcifre): CVR, GLN/EAN, P-number (domain.md 2.5)."""

from collections.abc import Callable, Iterable
from typing import Final

from domain.errors import Fault
from domain.parties.commands import ExternalId

CVR_WEIGHTS: Final = (2, 7, 6, 5, 4, 3, 2, 1)


def cvr_fault(value: str) -> str | None:
    """Return why a CVR number is wrong: `form`, `check_digit` (a warning only), or None.

    Modulus 11 with weights 2,7,6,5,4,3,2,1. Whether newer numbers must still pass is unsettled, so
    a failing check digit is kept as a warning and never refused.
    """
    if len(value) != len(CVR_WEIGHTS) or not value.isascii() or not value.isdigit():
        return "form"
    total = sum(int(digit) * weight for digit, weight in zip(value, CVR_WEIGHTS, strict=True))
    return "check_digit" if total % 11 else None


def gln_fault(value: str) -> str | None:
    """Return why a GLN/EAN number is wrong: `form`, `check_digit`, or None (GS1 modulus 10)."""
    if len(value) != 13 or not value.isascii() or not value.isdigit():  # noqa: PLR2004
        return "form"
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(value))
    return "check_digit" if total % 10 else None


def p_number_fault(value: str) -> str | None:
    """Return `form` unless ten digits; production unit numbers carry no usable check digit."""
    return None if len(value) == 10 and value.isascii() and value.isdigit() else "form"  # noqa: PLR2004


_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "cvr": cvr_fault,
    "gln": gln_fault,
    "ean": gln_fault,
    "p": p_number_fault,
}


def check_external_ids(
    ids: Iterable[ExternalId], pointer: str
) -> tuple[list[Fault], tuple[str, ...]]:
    """Return faults (refuse) and warnings (keep) about outside numbers."""
    faults, warnings = [], []
    for index, outside in enumerate(ids):
        check = _CHECKS.get(outside.scheme)
        fault = check(outside.value) if check else None
        if fault == "check_digit" and outside.scheme == "cvr":
            warnings.append(f"cvr_check_digit:{index}")
        elif fault:
            params: dict[str, str | int] = {"scheme": outside.scheme, "why": fault}
            faults.append(Fault(f"{pointer}/{index}/value", "check_digit", params))
    return faults, tuple(warnings)
