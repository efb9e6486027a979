//! Real directories; needs the system's packages, so `--quick` skips it.

mod active_directory;
mod discovery;
mod openldap;
mod reading_ad;
mod reading_openldap;
mod write_back;
