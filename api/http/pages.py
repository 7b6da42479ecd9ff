"""The API's own pages: a reference made from the OpenAPI document, and one page for each problem.

Plain HTML and one style sheet, no script and nothing from elsewhere, so they work offline and under
the strictest policy. Each is made when it is first asked for.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from html import escape
from threading import Lock
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.http.problems import KINDS, HttpProblem, Kind

HTML: Final = "text/html; charset=utf-8"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'none'",
    "Cache-Control": "public, max-age=300",
}
STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; }
h3 { border-top: 1px solid; padding-top: 1rem; margin-top: 2rem; }
a { color: inherit; }
a:focus-visible { outline: 3px solid; outline-offset: 2px; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.95em; }
pre { overflow: auto; padding: 0.75rem; border: 1px solid; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
thead th { border-bottom: 2px solid; }
.scroll { overflow-x: auto; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
""".lstrip()

Json = Mapping[str, Any]


class Pages:
    """Every page, kept once made."""

    def __init__(self, document: Callable[[], Json]) -> None:
        """`document` returns the OpenAPI document."""
        self._document = document
        self._made: dict[str, bytes] = {}
        self._making = Lock()

    async def reference(self, _: Request) -> Response:
        """The reference of the whole interface."""
        page = await self._page("", lambda: ("Kontaktlog: API", _reference(self._document())))
        return Response(page, headers=_HEADERS, media_type=HTML)

    async def style(self, _: Request) -> Response:
        """The pages' style sheet."""
        return Response(STYLE, headers=_HEADERS, media_type="text/css; charset=utf-8")

    async def problems(self, _: Request) -> Response:
        """Every code there is."""
        page = await self._page("problems", lambda: ("Kontaktlog: fejlkoder", _problem_list()))
        return Response(page, headers=_HEADERS, media_type=HTML)

    async def problem(self, request: Request) -> Response:
        """What one code means and what to do about it: where a problem's `type` leads."""
        code = request.path_params["code"]
        kind = KINDS.get(code)
        if kind is None:
            raise HttpProblem("not_found")
        page = await self._page(f"problems/{code}", lambda: (kind.title, _problem(code, kind)))
        return Response(page, headers=_HEADERS, media_type=HTML)

    async def _page(self, name: str, make: Callable[[], tuple[str, str]]) -> bytes:
        """Return a page; the first who asks waits while it is made, others are not held up."""
        made = self._made.get(name)
        return made if made is not None else await asyncio.to_thread(self._make, name, make)

    def _make(self, name: str, make: Callable[[], tuple[str, str]]) -> bytes:
        with self._making:
            if name not in self._made:
                self._made[name] = _page(*make()).encode()
            return self._made[name]


def _page(title: str, main: str) -> str:
    return (
        '<!doctype html>\n<html lang="da"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/docs/style.css"></head>'
        '<body><a class="skip" href="#main">Gå til indholdet</a>'
        '<nav aria-label="Sider"><a href="/docs">API</a> · <a href="/problems">Fejlkoder</a> · '
        '<a href="/v1/openapi.json">OpenAPI-dokumentet</a></nav>'
        f'<main id="main"><h1>{escape(title)}</h1>{main}</main></body></html>\n'
    )


def _reference(document: Json) -> str:
    operations = [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    parts = [f'<p lang="en">{escape(document["info"]["description"])}</p>']
    for tag in document["tags"]:
        mine = [each for each in operations if tag["name"] in each[2]["tags"]]
        links = "".join(
            f'<li><a href="#{o["operationId"]}"><code>{m} {escape(p)}</code></a></li>'
            for m, p, o in mine
        )
        parts.append(f"<h2>{escape(tag['name'])}</h2><ul>{links}</ul>")
        parts += [_operation(*each) for each in mine]
    parts.append("<h2>Datatyper</h2>")
    parts += [_schema(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "".join(parts)


def _operation(method: str, path: str, operation: Json) -> str:
    head = f"<code>{method} {escape(path)}</code></h3><p>{escape(operation['summary'])}</p>"
    parts = [f'<section lang="en"><h3 id="{operation["operationId"]}">{head}']
    if "description" in operation:
        parts.append(f"<p>{escape(operation['description'])}</p>")
    if "parameters" in operation:
        rows = [
            (f"<code>{escape(p['name'])}</code>", p["in"], escape(p.get("description", "")))
            for p in operation["parameters"]
        ]
        parts.append(_table("Parameters", ("Name", "In", "Meaning"), rows))
    if body := operation.get("requestBody"):
        media = body["content"]["application/json"]
        parts.append(f"<p>Body: {_ref(media['schema'])}</p>")
        text = orjson.dumps(media["example"], option=orjson.OPT_INDENT_2).decode()
        parts.append(f'<pre tabindex="0" aria-label="Example body">{escape(text)}</pre>')
    answers = [
        (status, escape(answer["description"].replace("`", "")))
        for status, answer in operation["responses"].items()
    ]
    parts.append(_table("Answers", ("Status", "Meaning"), answers))
    return "".join(parts) + "</section>"


def _schema(name: str, schema: Json) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(key)}</code>{' *' if key in required else ''}",
            _type(value),
            escape(value.get("description", "")),
        )
        for key, value in schema.get("properties", {}).items()
    ]
    head = f'<section lang="en"><h3 id="type-{escape(name)}"><code>{escape(name)}</code></h3>'
    text = f"<p>{escape(schema.get('description', ''))}</p>"
    body = _table(f"Members of {name} (* required)", ("Member", "Type", "Meaning"), rows)
    return f"{head}{text}{body if rows else _type(schema)}</section>"


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return _ref(schema)
    for way in ("anyOf", "oneOf"):
        if way in schema:
            return " or ".join(_type(each) for each in schema[way])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or schema.get("const", "any")))


def _ref(schema: Json) -> str:
    name = schema["$ref"].rpartition("/")[2]
    return f'<a href="#type-{escape(name)}"><code>{escape(name)}</code></a>'


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _problem(code: str, kind: Kind) -> str:
    return (
        f"<p>Kode: <code>{escape(code)}</code>. HTTP-status: {kind.status}.</p>"
        f"<p>{escape(kind.help)}</p>"
    )


def _problem_list() -> str:
    rows = [
        (
            f'<a href="/problems/{escape(code)}"><code>{escape(code)}</code></a>',
            str(kind.status),
            escape(kind.title),
            escape(kind.help),
        )
        for code, kind in sorted(KINDS.items())
    ]
    return _table("Alle fejlkoder", ("Kode", "Status", "Betydning", "Hvad gør man"), rows)
