//! Text of strangers in tables that people open in a spreadsheet.

/// A spreadsheet runs a cell that begins so; names come from directories, and anybody may have chosen theirs.
pub fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=cmd()"), "'=cmd()");
        assert_eq!(harmless("uid=ada"), "uid=ada");
    }
}
