//! Builds the assets into the binary when `ISTHMUS_EMBED_ASSETS` names their folder (`cargo xtask build --release`).
//! Otherwise the binary reads them from the build folder, so that a changed stylesheet needs no new server.

use std::{env, fmt::Write as _, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=ISTHMUS_EMBED_ASSETS");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("embedded_assets.rs");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let mut build_folder = here.parent().expect("the workspace").join("target/site");

    let mut list = String::new();
    if let Some(folder) = env::var_os("ISTHMUS_EMBED_ASSETS").map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", folder.display());
        // A binary that carries its assets looks nowhere else, and says nothing of the machine that built it.
        build_folder = PathBuf::new();
        for entry in fs::read_dir(&folder).expect("the folder in ISTHMUS_EMBED_ASSETS can be read") {
            let path = entry.expect("an entry of the assets folder").path();
            if path.is_file() {
                let name = path.file_name().expect("a file has a name").to_str().expect("asset names are text");
                let path = path.canonicalize().expect("the file is there");
                writeln!(list, "    ({name:?}, include_bytes!({path:?})),").expect("writing to a string");
            }
        }
    }
    let text = format!(
        "/// Name and content of every file built in.\nconst EMBEDDED: &[(&str, &[u8])] = &[\n{list}];\n\
         /// Where `cargo xtask` puts them.\nconst BUILD_FOLDER: &str = {build_folder:?};\n"
    );
    fs::write(out, text).expect("OUT_DIR can be written");
}
