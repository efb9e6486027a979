//! Which attributes a directory knows (RFC 4512 4.1): the names alone, found in its own descriptions.

use std::collections::HashSet;

use super::look::Look;
use crate::fault::Fault;

/// Definitions that are read, and names of one that count.
const DEFINITIONS: usize = 20_000;
const NAMES: usize = 8;

/// Names of attribute types in lower case; empty if the schema cannot be read.
pub(super) async fn attributes(look: &mut Look<'_>, schema_at: Option<&str>) -> Result<Option<HashSet<String>>, Fault> {
    let Some(schema_at) = schema_at else { return Ok(None) };
    let Some(entry) = look.entry(schema_at, &["attributeTypes"]).await? else { return Ok(None) };
    let names: HashSet<String> = entry.texts("attributeTypes").take(DEFINITIONS).flat_map(names).collect();
    Ok((!names.is_empty()).then_some(names))
}

/// `( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC … )`.
fn names(definition: &str) -> Vec<String> {
    let Some((_, rest)) = definition.split_once("NAME ") else { return Vec::new() };
    let rest = rest.trim_start();
    let list = match rest.strip_prefix('(') {
        Some(list) => list.split(')').next().unwrap_or_default(),
        None => rest,
    };
    let quoted = list.split('\'').skip(1).step_by(2);
    let many = if rest.starts_with('(') { NAMES } else { 1 };
    quoted.take(many).filter(|name| name.len() <= 128).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_definitions() {
        assert_eq!(
            names("( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'RFC4519: (x) ''y''' SUP name )"),
            ["cn", "commonname"]
        );
        assert_eq!(names("( 1.2.840.113556.1.4.2 NAME 'objectGUID' SYNTAX '1.3.6' SINGLE-VALUE )"), ["objectguid"]);
        for odd in ["", "NAME ", "NAME (", "NAME 'x", "( 1 DESC 'NAME' )", "NAME ((((('a'"] {
            assert!(names(odd).len() <= 1, "{odd}");
        }
    }
}
