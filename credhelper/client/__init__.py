"""The Tokens APIs over HTTPS: `iap` (v1) on `transport`, the one module that owns requests."""
