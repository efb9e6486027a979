//! The WebAssembly module on its way to browsers: cut into the parts that `app::console::parts` names, bound to
//! JavaScript, optimised.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail, ensure};

use crate::{
    machine,
    shell::{program, run, target},
};

/// The script that loads the parts, as the cutting tool calls it. It ends up inside of ours.
const LOADER: &str = "./parts.js";

/// What browsers load, by the names in the script.
pub struct Bound {
    pub javascript: String,
    pub main: Vec<u8>,
    /// The other modules, by file name.
    pub modules: BTreeMap<String, Vec<u8>>,
    /// The modules of each part.
    pub parts: BTreeMap<String, Vec<String>>,
}

/// Cuts, binds and, if asked to, optimises a module that was linked with its relocations.
pub fn bind(module: &Path, optimise: bool) -> anyhow::Result<Bound> {
    let folder = target().join("tools/bindings");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let cut = cut(module, &folder)?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&cut.main)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The parts use the table of functions.
        .keep_lld_exports(true)
        .omit_default_module_path(false)
        .out_name("isthmus")
        .generate(&folder)
        .context("wasm-bindgen")?;
    if folder.join("snippets").exists() {
        bail!("a dependency brings JavaScript snippets of its own; the site has no place for them yet");
    }
    let main = folder.join("isthmus_bg.wasm");
    let mut modules = BTreeMap::new();
    if optimise {
        optimise_module(&main)?;
    }
    for name in cut.parts.values().flatten().collect::<BTreeSet<_>>() {
        let path = folder.join(name);
        if optimise {
            optimise_module(&path)?;
        }
        modules.insert(name.clone(), fs::read(path)?);
    }
    let glue = fs::read_to_string(folder.join("isthmus.js"))?;
    let loader = fs::read_to_string(folder.join(LOADER))?;
    Ok(Bound { javascript: one_script(&glue, &loader)?, main: fs::read(main)?, modules, parts: cut.parts })
}

struct Cut {
    main: PathBuf,
    parts: BTreeMap<String, Vec<String>>,
}

fn cut(module: &Path, folder: &Path) -> anyhow::Result<Cut> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let main = folder.join("main.wasm");
    let mut options = wasm_split_cli_support::Options::new(&bytes);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.link_name = LOADER;
    options.main_module = "./isthmus.js";
    let cut = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("the module cannot be cut into the parts of the console: {error:#}"))?;
    let file = |name: String| format!("{name}.wasm");
    let parts = cut.prefetch_map.into_iter();
    let parts: BTreeMap<_, Vec<_>> = parts.map(|(part, names)| (part, names.into_iter().map(file).collect())).collect();
    Ok(Cut { main, parts })
}

/// The loader of the parts and the glue import each other; as one file they are one request less, and can be named by
/// their content.
fn one_script(glue: &str, loader: &str) -> anyhow::Result<String> {
    let (imports, glue): (Vec<&str>, Vec<&str>) =
        glue.lines().partition(|line| line.starts_with("import * as ") && line.contains(LOADER));
    ensure!(!imports.is_empty(), "wasm-bindgen's script does not import {LOADER}");
    let (back, loader): (Vec<&str>, Vec<&str>) = loader.lines().partition(|line| line.starts_with("import "));
    ensure!(back.len() == 1, "the loader of the parts does not import the script");
    let exports: Vec<&str> =
        loader.iter().filter_map(|line| line.strip_prefix("export const ")?.split_whitespace().next()).collect();
    ensure!(!exports.is_empty(), "the loader of the parts exports nothing");
    let foreign = glue.iter().chain(&loader).find(|line| line.starts_with("import "));
    ensure!(foreign.is_none(), "the site has no place for what the console's script imports: {foreign:?}");
    let loader = loader.join("\n").replace("export const ", "const ");
    let mut script = format!("{}\n{loader}\nconst parts = {{ {} }};\n", glue.join("\n"), exports.join(", "));
    for import in imports {
        let name = import.split_whitespace().nth(3).context("an import has a name")?;
        script += &format!("const {name} = parts;\n");
    }
    Ok(script)
}

/// `--disable-compact-imports` is needed: without it browsers refuse the module.
fn optimise_module(wasm: &Path) -> anyhow::Result<()> {
    let flags = [
        "-Oz",
        "--converge",
        "--enable-bulk-memory",
        "--enable-reference-types",
        "--enable-nontrapping-float-to-int",
        "--enable-sign-ext",
        "--enable-mutable-globals",
        "--enable-multivalue",
        "--disable-compact-imports",
    ];
    let smaller = wasm.with_extension("opt.wasm");
    run(program(machine::install_wasm_opt()?).args(flags).arg(wasm).arg("-o").arg(&smaller))?;
    fs::rename(smaller, wasm)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_scripts_become_one() {
        let glue =
            "import * as import1 from \"./parts.js\"\nimport * as import2 from \"./parts.js\"\n\nget(import1);\n";
        let loader = "import { initSync } from \"./isthmus.js\";\n\nlet shared;\nexport const load_a = wrap(1);\n";
        let script = one_script(glue, loader).unwrap();
        assert!(!script.contains("import ") && !script.contains("export "), "{script}");
        assert!(
            script.ends_with("const parts = { load_a };\nconst import1 = parts;\nconst import2 = parts;\n"),
            "{script}"
        );
        assert!(one_script("nothing", loader).is_err());
        assert!(one_script(glue, "nothing").is_err());
        assert!(one_script(&format!("import {{ x }} from \"./snippet.js\"\n{glue}"), loader).is_err());
    }
}
