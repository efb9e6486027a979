//! The OpenID provider over HTTP. Tests named `oidcc_…` mirror the modules of the OpenID Foundation's conformance
//! plans (Basic OP, Config OP, RP-Initiated Logout OP), `bcp_…` the clauses of RFC 9700, each on both databases.

mod basic;
mod bcp;
mod config;
mod consent;
mod own_claims;
mod refresh;
mod rotation;
mod rp_logout;
mod side_doors;
mod world;

use world::{Answer, World};
