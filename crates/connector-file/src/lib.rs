//! Files with people: CSV, JSON lines and LDIF, streamed.
