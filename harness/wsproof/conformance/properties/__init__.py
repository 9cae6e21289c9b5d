"""The properties: one file per chapter of RFC 6455 and RFC 7692, which generate scripts."""
