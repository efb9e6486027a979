//! Apps: the applications that ask the hub to sign people in.

mod api;
mod app_view;
mod form;
mod list_view;
#[cfg(feature = "ssr")]
mod read;
mod snippet;
#[cfg(feature = "ssr")]
mod write;

pub use api::{
    AppCard, AppChanged, AppLine, AppList, AppSettingsOf, ListApps, NewSecret, PublishGroups, ReadApp, SaveApp,
};
pub use app_view::{AppPage, app_view};
pub use form::{AppForm, NewAppPage, app_settings_view};
pub use list_view::{AppsPage, apps_view};
pub use snippet::Snippet;
