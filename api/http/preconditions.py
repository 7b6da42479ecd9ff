"""Preconditions (RFC 9110): a strong entity tag is the version of a contact, in quotes."""

import re
from typing import Final

from starlette.requests import Request

from api.http.problems import HttpProblem

_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_VERSION: Final = re.compile(r'"([1-9]\d{0,9})"')


def version_expected(request: Request) -> int | None:
    """Return the version of If-Match, None for `*`; 428 without it, 412 for what no version is."""
    given = request.headers.getlist("if-match")
    if not given:
        raise HttpProblem("precondition_required")
    tag = given[0].strip()
    if tag == "*" and len(given) == 1:
        return None
    if len(given) > 1 or not _TAG.fullmatch(tag):
        raise HttpProblem(
            "invalid_input", [("/header/If-Match", "invalid_input", 'ét mærke, som "3", eller *')]
        )
    found = _VERSION.fullmatch(tag)
    if found is None:
        raise HttpProblem("version_mismatch")
    return int(found[1])


def is_unchanged(request: Request, version: int) -> bool:
    """Return whether If-None-Match names this version, so that 304 answers."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    return header.strip() == "*" or f'"{version}"' in _TAG.findall(header.replace("W/", ""))
