//! The policy `workspace-guard`: who may enter which workspace, by role, by claims of the token
//! and by address. Whoever enters must pass every rule of the settings that holds for the
//! workspace, and within a rule all that it asks.
//!
//! Settings:
//!
//! ```json
//! {"rules": [
//!   {"workspaces": ["board"], "roles": ["director", "secretary"]},
//!   {"claims": {"email_verified": [true]}, "message": "Confirm your e-mail address first."},
//!   {"addresses": ["10.0.0.0/8", "2001:db8::/32"], "exempt_roles": ["admin"]}
//! ]}
//! ```
//!
//! - `workspaces`: the workspaces the rule holds for; all, if it is left out.
//! - `exempt_roles`: roles that the rule does not hold for.
//! - `roles`: the subject must have one of these roles.
//! - `claims`: each claim must have one of the values, or be a list that has one of them. A name
//!   that begins with `/` is a JSON pointer into the claims, such as `/org/id`.
//! - `addresses`: the connection must come from one of these networks or addresses.
//! - `message`: what the person is told instead of the usual words.
//!
//! A rule asks at least one of `roles`, `claims` and `addresses`. Denials have the codes
//! `role-not-admitted`, `claim-not-admitted` and `address-not-admitted`.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;
use wardroom_policy::{Admission, Denial, Lifecycle, Request, workspace};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    rules: Vec<RuleSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSettings {
    workspaces: Option<Vec<String>>,
    #[serde(default)]
    exempt_roles: Vec<String>,
    roles: Option<Vec<String>>,
    #[serde(default)]
    claims: BTreeMap<String, Vec<Value>>,
    addresses: Option<Vec<String>>,
    message: Option<String>,
}

struct WorkspaceGuard {
    rules: Vec<Rule>,
}

struct Rule {
    settings: RuleSettings,
    networks: Option<Vec<IpNet>>,
}

wardroom_policy::export!(WorkspaceGuard: lifecycle, admission);

impl Lifecycle for WorkspaceGuard {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        let rules =
            settings.rules.into_iter().enumerate().map(|(at, rule)| {
                Rule::new(rule).map_err(|refusal| format!("rules[{at}]{refusal}"))
            });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }
}

impl Admission for WorkspaceGuard {
    fn admit(&self, request: &Request) -> Result<(), Denial> {
        // Only rules for some workspaces ask which one it is.
        let workspace = LazyCell::<String>::new(workspace);
        let role = request.subject().role();
        let mut rules = self.rules.iter();
        rules.try_for_each(|rule| rule.admit(request, &workspace, role.as_ref()))
    }
}

impl Rule {
    fn new(settings: RuleSettings) -> Result<Self, String> {
        let lists = [
            ("workspaces", &settings.workspaces),
            ("roles", &settings.roles),
        ];
        let lists = lists
            .into_iter()
            .filter_map(|(name, list)| Some((name, list.as_ref()?)));
        for (name, list) in lists.chain([("exempt_roles", &settings.exempt_roles)]) {
            if let Some(at) = list.iter().position(String::is_empty) {
                return Err(format!(".{name}[{at}]: must not be empty"));
            }
            if list.is_empty() && name != "exempt_roles" {
                return Err(format!(".{name}: name at least one, or leave it out"));
            }
        }
        if let Some((name, _)) = settings.claims.iter().find(|(_, values)| values.is_empty()) {
            return Err(format!(".claims.{name}: name at least one value"));
        }
        let asks_nothing = settings.roles.is_none() && settings.addresses.is_none();
        if asks_nothing && settings.claims.is_empty() {
            return Err(": asks for nothing; give it `roles`, `claims` or `addresses`".into());
        }
        let networks = settings.addresses.as_deref().map(networks).transpose()?;
        Ok(Self { settings, networks })
    }

    fn admit(
        &self,
        request: &Request,
        workspace: &LazyCell<String>,
        role: Option<&String>,
    ) -> Result<(), Denial> {
        let asked = &self.settings;
        let elsewhere = asked
            .workspaces
            .as_ref()
            .is_some_and(|w| !w.contains(&**workspace));
        if elsewhere || role.is_some_and(|role| asked.exempt_roles.contains(role)) {
            return Ok(());
        }
        let has_role = |roles: &Vec<String>| role.is_some_and(|role| roles.contains(role));
        if !asked.roles.as_ref().is_none_or(has_role) {
            let message = "Your role does not give access to this workspace.";
            return Err(self.denial("role-not-admitted", message));
        }
        if !asked.claims.is_empty() && !has_claims(&request.claims_json(), &asked.claims) {
            let message = "Your sign-in does not give access to this workspace.";
            return Err(self.denial("claim-not-admitted", message));
        }
        let comes_from = |networks: &Vec<IpNet>| {
            let address = request.remote_address();
            let address = address.and_then(|text| text.parse::<IpAddr>().ok());
            address.is_some_and(|a| networks.iter().any(|net| net.contains(&a.to_canonical())))
        };
        if !self.networks.as_ref().is_none_or(comes_from) {
            let message = "This workspace cannot be entered from your network.";
            return Err(self.denial("address-not-admitted", message));
        }
        Ok(())
    }

    fn denial(&self, code: &str, usual: &str) -> Denial {
        Denial::new(code, self.settings.message.as_deref().unwrap_or(usual))
    }
}

fn has_claims(claims: &Value, asked: &BTreeMap<String, Vec<Value>>) -> bool {
    asked.iter().all(|(name, accepted)| {
        let claim = if name.starts_with('/') {
            claims.pointer(name)
        } else {
            claims.get(name)
        };
        match claim {
            Some(Value::Array(values)) => values.iter().any(|value| accepted.contains(value)),
            Some(value) => accepted.contains(value),
            None => false,
        }
    })
}

fn networks(addresses: &[String]) -> Result<Vec<IpNet>, String> {
    if addresses.is_empty() {
        return Err(".addresses: name at least one, or leave it out".into());
    }
    let networks = addresses
        .iter()
        .enumerate()
        .map(|(at, text)| network(text).map_err(|refusal| format!(".addresses[{at}]: {refusal}")));
    networks.collect()
}

/// A network, or an address alone. Connections have canonical addresses, so `::ffff:10.0.0.0/104`
/// would never match; it is refused rather than silently useless.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| text.parse::<IpNet>());
    let network = network.map_err(|_| "expected an address or a network such as 10.0.0.0/8")?;
    if network.addr().to_canonical() != network.addr() {
        return Err("write the IPv4 network itself, such as 10.0.0.0/8".into());
    }
    if network.trunc() != network {
        return Err(format!(
            "has bits beyond its prefix; is {} meant?",
            network.trunc()
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests;
