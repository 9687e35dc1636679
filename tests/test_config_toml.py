"""The settings that keep the dashboard safe, and that Streamlit knows every one of them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit import config as streamlit_config

from dashboard.theme import CLASS_COLOURS

CONFIG = Path(__file__).resolve().parents[1] / ".streamlit" / "config.toml"


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """Return the parsed file."""
    return tomllib.loads(CONFIG.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("server", "address", "127.0.0.1"),
        ("server", "allowedHosts", ["localhost", "127.0.0.1", "::1"]),
        ("server", "enableCORS", True),
        ("server", "enableXsrfProtection", True),
        ("server", "xsrfCookieSameSite", "strict"),
        ("server", "enableStaticServing", False),
        ("server", "enableAgentApi", False),
        ("server", "fileWatcherType", "none"),
        ("server", "maxUploadSize", 100),
        ("server", "maxMessageSize", 50),
        ("server", "maxCacheDataSize", "512mb"),
        ("server", "disconnectedSessionTTL", 120),
        ("client", "showErrorDetails", "none"),
        ("client", "toolbarMode", "minimal"),
        ("client", "allowedOrigins", []),
        ("runner", "magicEnabled", False),
        ("runner", "postScriptGC", False),
        ("browser", "gatherUsageStats", False),
    ],
)
def test_safe_setting(settings: dict[str, Any], section: str, key: str, value: object) -> None:
    assert settings[section][key] == value
    assert type(settings[section][key]) is type(value)


def test_streamlit_knows_every_key(settings: dict[str, Any]) -> None:
    def names(table: dict[str, Any], prefix: str) -> list[str]:
        found = []
        for key, value in table.items():
            found += names(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
        return found

    known = streamlit_config.get_config_options()
    unknown = [name for name in names(settings, "") if name not in known]
    assert not unknown
    assert "server.noSuchKey" not in known


def test_reader_keeps_the_choice_of_theme(settings: dict[str, Any]) -> None:
    # A base, or colours outside [theme.light] and [theme.dark], lock one look.
    assert "base" not in settings["theme"]
    assert not [key for key in settings["theme"] if key.endswith(("Color", "Colors"))]
    assert {"light", "dark"} <= set(settings["theme"])


@pytest.mark.parametrize("look", ["light", "dark"])
def test_charts_of_streamlit_use_our_colours(settings: dict[str, Any], look: str) -> None:
    assert settings["theme"][look]["chartCategoricalColors"] == list(CLASS_COLOURS)
