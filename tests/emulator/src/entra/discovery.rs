//! The documents by which clients find the token endpoint.

use serde_json::{Value, json};

use super::Entra;
use super::refusal::Refusal;

impl Entra {
    /// <https://openid.net/specs/openid-connect-discovery-1_0.html>, with the members that Entra ID sends.
    pub(super) fn configuration(&self, tenant: &str) -> Result<Value, Refusal> {
        let any = matches!(tenant, "common" | "organizations");
        if !any && !tenant.eq_ignore_ascii_case(&self.settings.tenant) {
            return Err(Refusal::unknown_tenant(tenant));
        }
        let authority = &self.settings.authority;
        let issuer_tenant = if any { "{tenantid}" } else { tenant };
        let base = format!("{authority}/{tenant}");
        Ok(json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{authority}/{issuer_tenant}/v2.0"),
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "tenant_region_scope": null,
            "cloud_instance_name": host(authority),
        }))
    }

    /// The document by which Microsoft's client libraries learn which hosts are the same authority.
    pub(super) fn instance(&self) -> Value {
        let host = host(&self.settings.authority);
        json!({
            "tenant_discovery_endpoint":
                format!("{}/{}/v2.0/.well-known/openid-configuration", self.settings.authority, self.settings.tenant),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        })
    }
}

fn host(authority: &str) -> &str {
    authority
        .split_once("://")
        .map_or(authority, |(_, host)| host)
}
