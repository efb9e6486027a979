//! A SCIM 2.0 service as a source of people and groups (RFC 7643, RFC 7644).
