//! What `task/task.json` declares: one constant per input, written by `build.rs`.
//!
//! This is the only place where an input's name, default, options and actions come from. What the texts mean is not decided here.

/// An input as the task's manifest declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// The name that pipeline authors write, for example `ibSubscription`.
    pub name: &'static str,
    /// The text that the agent hands over when the author gives none; empty if there is no default.
    pub default: &'static str,
    /// The keys of a pick list in the order of the manifest, empty for other inputs. They are what the editor offers;
    /// YAML can say anything.
    pub options: &'static [&'static str],
    /// Whether the manifest marks it as required. The agent does not enforce this.
    pub required: bool,
    /// The names of the actions in which it has an effect: those for which the form shows it.
    pub actions: &'static [&'static str],
}

impl Input {
    /// Whether it is a switch: those have a default, and no others have one like it.
    pub fn is_flag(&self) -> bool {
        self.default.eq_ignore_ascii_case("true") || self.default.eq_ignore_ascii_case("false")
    }
}

include!(concat!(env!("OUT_DIR"), "/inputs.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_say_what_the_manifest_says() {
        let expected = Input {
            name: "distributeType",
            default: "managedimage",
            options: &["managedimage", "sig", "vhd"],
            required: false,
            actions: &["build", "submit", "render", "doctor"],
        };
        assert_eq!(DISTRIBUTE_TYPE, expected);
        assert_eq!(
            (
                IB_SUBSCRIPTION.name,
                IB_SUBSCRIPTION.default,
                IB_SUBSCRIPTION.required
            ),
            ("ibSubscription", "", true)
        );
        assert_eq!(IMAGE_VERSION_ID.name, "ImageVersionId");
        assert_eq!(TASK_VERSION, env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_input_is_listed_once() {
        let mut names: Vec<String> = ALL_INPUTS
            .iter()
            .map(|input| input.name.to_lowercase())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), ALL_INPUTS.len());
        assert!(ALL_INPUTS.contains(&BASE_IMAGE_PUB_OFFER_SKU));
    }
}
