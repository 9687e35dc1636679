"""Networks: encode, decode; no loss here."""
