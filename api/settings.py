"""Every setting of an installation, read here and nowhere else, with what the given ones come to.

Each setting is an environment variable `KONTAKTLOG_<NAME>` or a file `kontaktlog_<name>` in the
folder KONTAKTLOG_SECRETS_DIR; the environment wins. What cannot be meant is refused at the start:
a misspelt name that is silently passed over is a setting somebody believes in. docs/settings.md
lists them all and is compared with this module by a test.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.addresses import is_safe, origin_of
from api.key_text import key_of, signing_key_of

if TYPE_CHECKING:
    from domain.log.checkpoint import SigningKey

Key = TypeVar("Key")

PREFIX: Final = "KONTAKTLOG_"
MEDIA_MAX: Final = 200
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures whose checking key is public; with any other the checker could sign itself."""
_FOR_TESTS: Final = ("TEST_", "REQUIRE_", "HYPOTHESIS_")
"""Names after the prefix that belong to the test-suite, and to nobody else."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ORIGIN: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = "postgresql://"


class SettingsError(Exception):
    """A setting that cannot be used (ugyldig indstilling): its name and the reason, no value."""

    def __init__(self, setting: str, reason: str) -> None:
        """`setting` is the full name as the operator writes it."""
        super().__init__(f"{setting}: {reason}")
        self.setting = setting
        self.reason = reason


class Settings(BaseSettings):
    """One installation's settings (indstillinger); made by `load_settings`, which explains faults.

    The fields are as given; the properties below say what they come to.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    store: str = Field(
        default="sqlite:///kontaktlog-data/log.db",
        max_length=2_000,
        repr=False,
        description="Where the log is: sqlite:///path/to/log.db or postgresql://user@host/database",
    )
    views: str | None = Field(
        default=None,
        max_length=2_000,
        repr=False,
        description="Where the views are. Default: views.db beside an SQLite log; with PostgreSQL "
        "the log's database, schema kontaktlog_views",
    )
    keys: str | None = Field(
        default=None,
        max_length=2_000,
        repr=False,
        description="Where the keys of sealed values are. Default: keys.db beside an SQLite log; "
        "with PostgreSQL the log's database, schema kontaktlog_keys",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder of the key files. Default: the folder of an SQLite log, else "
        "kontaktlog-data",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="Folder of files kontaktlog_<name>, one setting each (systemd credentials, "
        "container secrets)",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Key that wraps every subject's key: 32 bytes in base64. Default: the file "
        "master.key in DATA_DIR, made on first use",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="Key that signs checkpoints: a PRIVATE+KEY line, or 32 bytes in base64. "
        "Default: the file signing.key in DATA_DIR, made on first use",
    )
    origin: str = Field(
        default="kontaktlog.example/log",
        max_length=200,
        description="First line of every checkpoint: the log's own name, an address without "
        "scheme. Choose it once, before the first checkpoint",
    )
    time_zone: str = Field(
        default="Europe/Copenhagen",
        max_length=64,
        description="Time zone that decides the calendar day of an instant",
    )
    media: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        max_length=MEDIA_MAX,
        description="Further media beside the standard ones: codes with commas between them",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=253,
        description="Address to listen on; leave it on loopback behind a reverse proxy",
    )
    port: int = Field(
        default=8010, ge=0, le=65_535, description="Port to listen on; 0 takes any free one"
    )
    followers: Literal["process", "inline", "off"] = Field(
        default="process",
        description="Who keeps views and checkpoints up to date: a process beside the server, "
        "threads inside it (tests), or nobody (kontaktlog follow runs elsewhere)",
    )
    max_body_bytes: int = Field(
        default=1_048_576,
        ge=16_384,
        le=104_857_600,
        description="Largest request body, in bytes",
    )
    max_batch_bytes: int = Field(
        default=16_777_216,
        ge=16_384,
        le=268_435_456,
        description="Largest request body of a batch, in bytes",
    )
    receive_seconds: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="Seconds a client may take to send a whole request",
    )
    wait_seconds: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Seconds a query waits for a view to reach min_position",
    )
    queue_max: int = Field(
        default=4_096,
        ge=1,
        le=1_000_000,
        description="Appends that may wait for the writer; beyond them the answer is 503",
    )
    shutdown_seconds: int = Field(
        default=10,
        ge=1,
        le=600,
        description="Seconds that running requests get to finish when the server stops",
    )
    public_url: str | None = Field(
        default=None,
        max_length=2_000,
        description="Address at which browsers find this service: https, or http on loopback",
    )
    oidc_issuer: str | None = Field(
        default=None,
        max_length=2_000,
        description="OpenID Connect provider that says who somebody is: its issuer address, "
        "exactly as its tokens write it",
    )
    oidc_audience: str | None = Field(
        default=None,
        max_length=500,
        description="Audience that a bearer token must be meant for; without it none is taken",
    )
    oidc_client_id: str | None = Field(
        default=None,
        max_length=500,
        description="Our name at the provider; with it and PUBLIC_URL people sign in by browser",
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Our secret at the provider, unless we are a public client"
    )
    oidc_request_scope: str = Field(
        default="openid",
        max_length=500,
        description="Scope asked of the provider at sign-in: openid, and what brings the roles",
    )
    oidc_roles_claim: str = Field(
        default="roles",
        max_length=200,
        description="Claim that holds job-function roles; a.b is b within a",
    )
    oidc_roles: str | None = Field(
        default=None,
        max_length=20_000,
        description="Our role for each value of that claim, as a JSON object; other values count "
        "for nothing. Without it no right comes from a token",
    )
    oidc_scopes_claim: str | None = Field(
        default=None,
        max_length=200,
        description="Claim that limits those roles: party:…, unit:… or kle:…; once set, a token "
        "without it sees nothing",
    )
    oidc_algorithms: str = Field(
        default="RS256,PS256,ES256",
        max_length=100,
        description="Signature algorithms that tokens may use, with commas between them",
    )
    session_hours: float = Field(
        default=10.0, gt=0, le=168, description="Hours after which everybody signs in anew"
    )
    session_idle_minutes: float = Field(
        default=60.0, ge=2, le=1_440, description="Minutes without a request that end a session"
    )
    rate_per_second: float = Field(
        default=1_000.0,
        ge=0,
        le=1_000_000,
        description="Requests a second that one key, or one address without a key, may go on "
        "making; 0 sets no limit",
    )
    rate_burst: int = Field(
        default=2_000, ge=1, le=1_000_000, description="Requests it may make at once after a pause"
    )
    sign_in_failures_per_minute: int = Field(
        default=30,
        ge=0,
        le=1_000_000,
        description="Failed sign-ins a minute from one address before it must wait; 0 sets no "
        "limit",
    )
    header_seconds: float = Field(
        default=10.0, gt=0, le=600, description="Seconds a client may take to send its headers"
    )
    idle_seconds: float = Field(
        default=15.0,
        gt=0,
        le=3_600,
        description="Seconds an idle connection is kept for the next request",
    )
    connections_max: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="Connections at once; in a full house the client that keeps us waiting longest "
        "goes",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe line of the operator's log"
    )

    @field_validator("media", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return _words(given)

    @field_validator("media")
    @classmethod
    def _codes(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [code for code in given if not _CODE.fullmatch(code)]:
            raise ValueError(f"not a code (a-z, 0-9 and _, at most 64 characters): {odd[0][:80]}")
        return tuple(dict.fromkeys(given))

    @field_validator("store", "views", "keys")
    @classmethod
    def _address(cls, given: str | None) -> str | None:
        if given is None or (given.startswith(_POSTGRES) and urlsplit(given).path.strip("/")):
            return given
        if not given.startswith(_SQLITE) or given.endswith(("/", ":memory:")):
            raise ValueError("must be sqlite:///path/to/file or postgresql://user@host/database")
        if Path(given.removeprefix(_SQLITE)).is_dir():
            raise ValueError("names a folder; it must name a file in it")
        return given

    @field_validator("origin")
    @classmethod
    def _one_word(cls, given: str) -> str:
        if not _ORIGIN.fullmatch(given):
            raise ValueError("must be one word without spaces or plus, like kontakt.example.dk/log")
        return given

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone on this machine") from error
        return given

    @field_validator("master_key")
    @classmethod
    def _master(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            key_of(given.get_secret_value())
        return given

    @field_validator("signing_key")
    @classmethod
    def _signing(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            signing_key_of(given.get_secret_value(), "any")
        return given

    @field_validator("public_url")
    @classmethod
    def _whole_site(cls, given: str | None) -> str | None:
        if given is None:
            return None
        if not is_safe(given) or urlsplit(given).path not in {"", "/"} or "?" in given:
            raise ValueError("must be https://host (or http on loopback), without a path")
        return origin_of(given)

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, given: str | None) -> str | None:
        if given is not None and (not is_safe(given) or "?" in given):
            raise ValueError("must be https://… (or http on loopback), without a query")
        return given

    @field_validator("oidc_roles")
    @classmethod
    def _roles(cls, given: str | None) -> str | None:
        if given is not None:
            _role_map(given)
        return given

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric(cls, given: str) -> str:
        if not _words(given) or set(_words(given)) - ALGORITHMS:
            raise ValueError(f"may name only {', '.join(sorted(ALGORITHMS))}")
        return given

    @model_validator(mode="after")
    def _sign_in(self) -> Self:
        if self.oidc_client_id and not (self.oidc_issuer and self.public_url):
            raise ValueError("OIDC_CLIENT_ID needs OIDC_ISSUER and PUBLIC_URL")
        if self.oidc_issuer and not (self.oidc_audience or self.oidc_client_id):
            raise ValueError("OIDC_ISSUER needs OIDC_AUDIENCE or OIDC_CLIENT_ID")
        if self.oidc_audience and not self.oidc_issuer:
            raise ValueError("OIDC_AUDIENCE needs OIDC_ISSUER")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Self:
        files = [url for url in (self.store, self.views_url, self.keys_url) if is_sqlite(url)]
        paths = [sqlite_path(url).absolute() for url in files]
        if len(set(paths)) < len(paths):
            raise ValueError("STORE, VIEWS and KEYS must be three different files")
        return self

    @property
    def views_url(self) -> str:
        """Where the views are, default applied."""
        return self.views or self._beside("views.db")

    @property
    def keys_url(self) -> str:
        """Where the keys of sealed values are, default applied."""
        return self.keys or self._beside("keys.db")

    @property
    def sessions_url(self) -> str:
        """Where sessions of signed-in people are: beside the keys, for they are as secret."""
        if not is_sqlite(self.keys_url):
            return self.keys_url
        return f"{_SQLITE}{sqlite_path(self.keys_url).parent / 'sessions.db'}"

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Signature algorithms that tokens may use."""
        return _words(self.oidc_algorithms)

    @property
    def roles_by_claim(self) -> dict[str, str]:
        """Our role for each value of the roles claim."""
        return _role_map(self.oidc_roles or "{}")

    @property
    def data_path(self) -> Path:
        """Folder of the key files, default applied."""
        if self.data_dir is not None:
            return self.data_dir
        return sqlite_path(self.store).parent if is_sqlite(self.store) else Path("kontaktlog-data")

    @property
    def master_key_file(self) -> Path:
        """Where the master key is kept when MASTER_KEY does not give it."""
        return self.data_path / "master.key"

    @property
    def signing_key_file(self) -> Path:
        """Where the signing key is kept when SIGNING_KEY does not give it."""
        return self.data_path / "signing.key"

    @property
    def zone(self) -> ZoneInfo:
        """The municipality's time zone."""
        return ZoneInfo(self.time_zone)

    def master_key_bytes(self) -> bytes:
        """Return the 32 bytes of the master key; raises SettingsError when there is none."""
        if self.master_key is not None:
            return key_of(self.master_key.get_secret_value())
        return _from_file("MASTER_KEY", self.master_key_file, key_of)

    def checkpoint_key(self) -> "SigningKey":
        """Return the key that signs checkpoints; raises SettingsError when there is none."""
        if self.signing_key is not None:
            return signing_key_of(self.signing_key.get_secret_value(), self.origin)
        file = self.signing_key_file
        return _from_file("SIGNING_KEY", file, lambda text: signing_key_of(text, self.origin))

    def _beside(self, name: str) -> str:
        if not is_sqlite(self.store):
            return self.store
        return f"{_SQLITE}{sqlite_path(self.store).parent / name}"


def load_settings(**given: Any) -> Settings:
    """Read the settings, `given` ones first; raises SettingsError that names the first fault."""
    folder = os.environ.get(f"{PREFIX}SECRETS_DIR") or given.get("secrets_dir")
    if folder is not None and not Path(folder).is_dir():
        raise SettingsError(f"{PREFIX}SECRETS_DIR", "no such folder")
    named = [path.name for path in Path(folder).iterdir()] if folder else []
    _refuse_unknown([*os.environ, *named])
    try:
        return Settings(_secrets_dir=folder, **given)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in fault["loc"][:1]).upper()
        reason = str(fault["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{PREFIX}{name}" if name else "settings", reason) from None
    except ValueError as error:
        raise SettingsError("settings", str(error)) from None


def is_sqlite(url: str) -> bool:
    """Whether the address is that of an SQLite file."""
    return url.startswith(_SQLITE)


def sqlite_path(url: str) -> Path:
    """Return the file of an SQLite address; `sqlite:////var/…` is absolute."""
    return Path(url.removeprefix(_SQLITE))


def child_environment(**added: str) -> dict[str, str]:
    """Return this process's environment with `added`, for a program that we start."""
    return {**os.environ, **added}


def _role_map(text: str) -> dict[str, str]:
    from api.rights import role_map  # noqa: PLC0415  only who signs people in pays for it

    return role_map(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _refuse_unknown(names: Iterable[str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = sorted({name.upper() for name in names if name.upper().startswith(PREFIX)} - known)
    unknown = [name for name in ours if not name.removeprefix(PREFIX).startswith(_FOR_TESTS)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(", ".join(unknown), f"no such setting{hint}")


def _from_file(name: str, file: Path, read: Callable[[str], Key]) -> Key:
    try:
        return read(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise SettingsError(PREFIX + name, f"not set, and {file} does not exist") from None
    except (OSError, UnicodeError):
        raise SettingsError(PREFIX + name, f"{file} cannot be read") from None
    except ValueError as error:
        raise SettingsError(PREFIX + name, f"{file} {error}") from None
