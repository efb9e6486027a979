//! `cargo xtask bench`.

pub fn sign_in(_seconds: u64) -> anyhow::Result<()> {
    anyhow::bail!("not built yet")
}
