//! Entra ID and every other OpenID provider: sign-in by redirect; people, groups and devices from Microsoft Graph.
