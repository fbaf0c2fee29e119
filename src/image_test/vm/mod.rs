//! The engine `vm`: a VM of the step's own.

use super::Lab;
use super::not_tested::NotTested;
use super::subject::Subject;
use super::verdict::Ended;
use crate::inputs::Code;
use crate::inputs::declared::TEST_ENGINE;
use crate::inputs::image_test::TestVm;
use crate::run::leftover::{Leftover, Tie};

/// Boots the image in a VM, and runs the checks.
#[expect(clippy::unused_async, reason = "what an engine does waits")]
pub(super) async fn test(
    _lab: &Lab<'_>,
    _vm: &TestVm,
    _subject: &Subject,
    _earlier: Vec<(Leftover, Tie)>,
) -> Ended {
    let text = "this version of the task has no engine 'vm'".to_owned();
    let hint = format!("use '{}: imageBuilder'", TEST_ENGINE.name);
    Ended::without(NotTested::refused(Code::NotOneOf.as_str(), text, hint))
}
