//! Settings of a source that is a file.

use connector::SourceFolder;
use directory::{FileFormat, FileSettings};

use super::invalid;
use crate::HubError;

/// An hour: longer is a typing error.
const LONGEST_SETTLE: u32 = 3_600;

/// Checks them and brings them into their stored form (trimmed, nothing empty).
pub(super) fn check(file: &mut FileSettings) -> Result<(), HubError> {
    let tidy = |text: &mut Option<String>| {
        *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    };
    for text in [&mut file.path, &mut file.id, &mut file.username] {
        *text = text.trim().to_owned();
    }
    for text in [
        &mut file.status,
        &mut file.groups,
        &mut file.password,
        &mut file.person_class,
        &mut file.groups_path,
        &mut file.devices_path,
    ] {
        tidy(text);
    }
    file.mapping.retain(|_, column| !column.trim().is_empty());
    SourceFolder::check(&file.path).map_err(|refused| invalid("path", refused.to_string()))?;
    for (field, path) in [("groups_path", &file.groups_path), ("devices_path", &file.devices_path)] {
        let Some(path) = path else { continue };
        SourceFolder::check(path).map_err(|refused| invalid(field, refused.to_string()))?;
        if file.format == FileFormat::Ldif {
            return Err(invalid(field, "only CSV and JSON lines: leave it empty for LDIF"));
        }
        if *path == file.path {
            return Err(invalid(field, "this is the file with the people: give one of its own"));
        }
    }
    if file.id.is_empty() {
        return Err(invalid("id", "name the column with an id that never changes, such as a personnel number"));
    }
    if file.username.is_empty() {
        return Err(invalid("username", "name the column with what people type"));
    }
    if file.format == FileFormat::Ldif && file.person_class.is_none() {
        let why = "name the object class of people, such as inetOrgPerson: the file also has folders and groups in it";
        return Err(invalid("person_class", why));
    }
    if file.columns().iter().any(|column| column.len() > 200 || column.chars().any(char::is_control)) {
        return Err(invalid("mapping", "the name of a column has at most 200 letters and no line break"));
    }
    if file.status.is_some() && file.inactive.is_empty() {
        return Err(invalid("inactive", "say which values of that column mean that somebody is no longer there"));
    }
    if file.separator.chars().count() > 4 {
        return Err(invalid("separator", "use at most four characters"));
    }
    if file.settle_seconds > LONGEST_SETTLE {
        return Err(invalid("settle_seconds", "use at most an hour"));
    }
    Ok(())
}
