"""The Tokens APIs: `iap` (v1) and `ica` (v2) over `transport`, the one module that has requests."""
