//! What a template of session hosts says plainly: texts, and the parameters and variables that they name. Other expressions are not evaluated
//! (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions>).

use serde_json::Value;

use super::host_template::{HostParameters, HostTemplate, own_member};

impl HostTemplate {
    /// What the template's VMs have at `pointer` of their resource, where it says so plainly: a text, or one of a parameter or a variable.
    pub fn of_machines(&self, pointer: &str, given: &HostParameters) -> Option<String> {
        let resources = self.document.get("resources")?;
        let listed = resources.as_array().into_iter().flatten();
        let named = resources.as_object().into_iter().flatten();
        let mut all = listed.chain(named.map(|(_, resource)| resource));
        let machine = all.find(|resource| {
            let kind = resource.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines"))
        })?;
        self.plain(machine.pointer(pointer)?.as_str()?, given, 0)
    }

    /// A text of the template without expressions; nothing where that takes more than a look at parameters and variables.
    fn plain(&self, text: &str, given: &HostParameters, depth: u8) -> Option<String> {
        let Some(expression) = text.strip_prefix('[') else {
            return (!text.is_empty()).then(|| text.to_owned());
        };
        let expression = expression.strip_suffix(']')?.trim();
        // A default may name a parameter that names another one.
        let depth = (depth < 4).then_some(depth + 1)?;
        if let Some(name) = argument(expression, "parameters") {
            let declared = self.parameter(name)?;
            if let Some(given) = own_member(&given.values, &declared.name) {
                return given.get("value")?.as_str().map(str::to_owned);
            }
            let default = self.declaration(name)?.get("defaultValue")?.as_str()?;
            return self.plain(default, given, depth);
        }
        let name = argument(expression, "variables")?;
        let variables = self.document.get("variables")?.as_object()?;
        self.plain(own_member(variables, name)?.as_str()?, given, depth)
    }

    /// Whether the outputs use the parameter, by themselves or by a variable: everybody who can read the deployment reads them.
    pub fn shows(&self, name: &str) -> bool {
        let plain = |value: &Value| {
            let text = value.to_string().to_lowercase();
            text.split_whitespace().collect::<String>()
        };
        let Some(outputs) = self.document.get("outputs").map(plain) else {
            return false;
        };
        let variables = self.document.get("variables").and_then(Value::as_object);
        let variables: Vec<(String, String)> = variables
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_lowercase(), plain(value)))
            .collect();
        let mut uses = vec![format!("parameters('{}')", name.to_lowercase())];
        // A variable may have it from another one.
        let mut known = 0;
        while let Some(next) = uses.get(known).cloned() {
            known += 1;
            if outputs.contains(&next) {
                return true;
            }
            for (name, value) in &variables {
                let use_of_it = format!("variables('{name}')");
                if value.contains(&next) && !uses.contains(&use_of_it) {
                    uses.push(use_of_it);
                }
            }
        }
        false
    }
}

/// `x` of `function('x')`.
fn argument<'t>(expression: &'t str, function: &str) -> Option<&'t str> {
    let (called, rest) = expression.split_once('(')?;
    let argument = rest.strip_suffix(')')?.trim();
    let name = argument.strip_prefix('\'')?.strip_suffix('\'')?;
    (called.trim().eq_ignore_ascii_case(function) && !name.contains('\'')).then_some(name)
}
