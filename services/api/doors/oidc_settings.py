"""How Vigie is registered at the OpenID provider, checked whole when the process starts."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.errors import SettingInvalid
from core.settings import DoorSettings

CALLBACK = "/signin/oidc/callback"
SIGNED_OUT = "/signin"
LEVELS_MAX = 10


@dataclass(frozen=True, slots=True)
class Registration:
    """What the provider and we agreed on.

    Parameters
    ----------
    issuer
        The provider's name of itself: an address, which each of its tokens must carry to the letter.
    public_url
        Where people reach us; the provider sends them back there, and nowhere else.
    scopes
        What is asked of it, spaces between.
    groups_claim
        The claim that lists groups; dots lead into objects (``realm_access.roles``).
    levels
        Levels of assurance (``acr``) of which one is needed; empty: any.
    authorities
        Certificates of the authorities that may sign the provider's own; None: the machine's.
    """

    issuer: str
    client_id: str
    client_secret: SecretStr
    public_url: str
    scopes: str
    groups_claim: str
    levels: tuple[str, ...]
    authorities: Path | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back with a code; registered there to the letter."""
        return self.public_url + CALLBACK

    @property
    def signed_out_uri(self) -> str:
        """Where the provider sends people back after they signed out; registered there to the letter."""
        return self.public_url + SIGNED_OUT

    @property
    def is_local(self) -> bool:
        """Whether the provider is on this machine: only then it may speak without TLS."""
        return is_loopback(self.issuer)


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine, by its words: no name but ``localhost`` is looked up."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def registration_of(settings: DoorSettings) -> Registration | None:
    """Return how Vigie is registered; None where no provider is set.

    Raises
    ------
    SettingInvalid
        With the first setting that does not go with the others.
    """
    if not settings.oidc_issuer:
        return None
    public_url = settings.public_url.rstrip("/")
    if not public_url:
        raise SettingInvalid("VIGIE_PUBLIC_URL: an OpenID provider sends people back to it, so it must be set")
    for name, url in (("VIGIE_OIDC_ISSUER", settings.oidc_issuer), ("VIGIE_PUBLIC_URL", public_url)):
        if not url.startswith("https://") and not is_loopback(url):
            raise SettingInvalid(f"{name}: must begin with https://, except on this machine's loopback")
    for name, value in (
        ("VIGIE_OIDC_CLIENT_ID", settings.oidc_client_id),
        ("VIGIE_OIDC_CLIENT_SECRET", settings.oidc_client_secret.get_secret_value()),
        ("VIGIE_OIDC_GROUPS_CLAIM", settings.oidc_groups_claim),
    ):
        if not value:
            raise SettingInvalid(f"{name}: must be set where VIGIE_OIDC_ISSUER is")
    if "openid" not in settings.oidc_scopes.split():
        raise SettingInvalid("VIGIE_OIDC_SCOPES: must hold openid, with spaces between scopes")
    levels = tuple(settings.oidc_acr.split())
    if len(levels) > LEVELS_MAX:
        raise SettingInvalid(f"VIGIE_OIDC_ACR: {LEVELS_MAX} levels at most")
    if settings.oidc_ca_file is not None and not settings.oidc_ca_file.is_file():
        raise SettingInvalid(f"VIGIE_OIDC_CA_FILE: there is no file {settings.oidc_ca_file}")
    return Registration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        public_url=public_url,
        scopes=" ".join(settings.oidc_scopes.split()),
        groups_claim=settings.oidc_groups_claim,
        levels=levels,
        authorities=settings.oidc_ca_file,
    )
