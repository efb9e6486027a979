//! The server, seen from outside.

mod openid;
