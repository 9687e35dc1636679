"""What every block of settings can do: be checked, say in one sentence what is wrong, and what is allowed instead."""

from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ConfigError


def none_text(value: object) -> object:
    """'none' and an empty text mean None: a command line has only text."""
    return None if isinstance(value, str) and value.strip().lower() in ("none", "") else value


def mapping(settings: Any) -> dict[str, Any]:
    """Settings as they must be given, a dict.

    Raises:
        ConfigError: they are something else.
    """
    if not isinstance(settings, dict):
        raise ConfigError(
            f"Settings are a dict, such as {{'epochs': 5}}: give one, not an object of type {type(settings).__name__}."
        )
    return settings


class Settings(BaseModel):
    """A flat block of settings; JSON both ways.

    A field whose type and bounds do not say what is allowed says it in words: `json_schema_extra={"allowed": "..."}`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def make(cls, settings: dict[str, Any]) -> Self:
        """Build a block from plain values, JSON's or a command line's texts.

        Raises:
            ConfigError: an unknown key or a bad value, in one sentence that lists what is allowed.
        """
        for key in mapping(settings):
            if key not in cls.model_fields:
                raise ConfigError(f"There is no setting '{key}': choose from {', '.join(cls.model_fields)}.")
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else "settings"
            reason = first["msg"][:1].lower() + first["msg"][1:]
            raise ConfigError(
                f"'{key}' cannot be {settings.get(key)!r}: {reason} (allowed: {cls.allowed(key)})."
            ) from None

    @classmethod
    def allowed(cls, key: str) -> str:
        """Say in words what a setting may be, e.g. '0 to 0.5'."""
        field = cls.model_fields.get(key)
        if field is None:
            return ", ".join(cls.model_fields)
        if isinstance(field.json_schema_extra, dict) and "allowed" in field.json_schema_extra:
            return str(field.json_schema_extra["allowed"])
        if choices := get_args(field.annotation):
            return ", ".join(str(choice) for choice in choices)
        bounds = {
            name: getattr(rule, name)
            for rule in field.metadata
            for name in ("gt", "ge", "lt", "le")
            if hasattr(rule, name)
        }
        if not bounds:
            return "text"
        kind = "whole numbers" if field.annotation is int else "numbers"
        low = f"above {bounds['gt']:g}" if "gt" in bounds else f"from {bounds.get('ge', 0):g}"
        high = f"below {bounds['lt']:g}" if "lt" in bounds else f"to {bounds['le']:g}"
        return f"{kind} {low} {high}"
